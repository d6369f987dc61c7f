"""What a written channel means to Telegram."""

import pytest

from channelwatch.errors import ChannelGone
from channelwatch.telegram.names import ChannelName, parse, unknown_id


@pytest.mark.parametrize("written", ["@baza", "Baza", "t.me/baza", "https://t.me/s/baza", "t.me/baza/123"])
def test_a_name_is_resolved_by_name(written: str) -> None:
    assert parse(written) == ChannelName(name="baza")
    assert str(parse(written)) == "@baza"


@pytest.mark.parametrize("written", ["-1001234567890", "https://t.me/c/1234567890/17"])
def test_an_id_is_looked_for_among_what_the_account_knows(written: str) -> None:
    assert parse(written) == ChannelName(id=1234567890)
    assert str(parse(written)) == "-1001234567890"


@pytest.mark.parametrize("written", ["https://t.me/+AbCdEf123", "t.me/joinchat/AAAA"])
def test_an_invite_link_is_refused_with_a_remedy(written: str) -> None:
    with pytest.raises(ChannelGone, match="join it with your account"):
        parse(written)


@pytest.mark.parametrize("written", ["", "@", "Канал", "a b", "-123", "https://t.me/", "x"])
def test_what_is_no_channel_gets_an_error_with_a_remedy(written: str) -> None:
    with pytest.raises(ChannelGone) as caught:
        parse(written)
    assert caught.value.remedy


def test_an_unknown_id_asks_for_the_name() -> None:
    assert "@name" in str(unknown_id(ChannelName(id=5)))
