"""How people write a channel."""

import pytest

from channelwatch.errors import ChannelGone
from channelwatch.telegram.names import ChannelName, parse


@pytest.mark.parametrize(
    "written",
    [
        "@baza",
        "baza",
        " baza ",
        "t.me/baza",
        "https://t.me/baza",
        "http://t.me/s/baza",
        "https://t.me/s/baza?before=12",
        "t.me/baza/123",
        "https://t.me/baza/123?single",
        "https://telegram.me/baza",
        "https://www.t.me/baza/",
        "https://baza.t.me",
        "tg://resolve?domain=baza&post=3",
    ],
)
def test_every_way_of_writing_a_name_is_read(written: str) -> None:
    assert parse(written) == ChannelName(name="baza")


@pytest.mark.parametrize("written", ["-1001234567890", "1234567890", "https://t.me/c/1234567890/17"])
def test_every_way_of_writing_an_id_is_read(written: str) -> None:
    assert parse(written) == ChannelName(id=1234567890)


def test_a_name_reads_back_as_it_is_written() -> None:
    assert str(parse("t.me/baza")) == "@baza"
    assert str(parse("-1001234567890")) == "-1001234567890"


@pytest.mark.parametrize("written", ["https://t.me/+AbCdEf123", "t.me/joinchat/AAAA", "+AbCdEf"])
def test_an_invite_link_is_refused_with_a_remedy(written: str) -> None:
    with pytest.raises(ChannelGone, match="invite link — join the channel"):
        parse(written)


@pytest.mark.parametrize("written", ["", "@", "Канал", "a b", "-123", "https://t.me/", "x"])
def test_what_is_no_channel_gets_an_error_with_a_remedy(written: str) -> None:
    with pytest.raises(ChannelGone) as caught:
        parse(written)
    assert caught.value.remedy
