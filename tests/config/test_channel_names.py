"""How a channel may be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelwatch.config.channel_names import channel_key


@pytest.mark.parametrize(
    "written",
    [
        "@Baza_News",
        "baza_news",
        " baza_news ",
        "t.me/baza_news",
        "T.ME/baza_news/",
        "https://t.me/s/baza_news",
        "http://telegram.me/baza_news/123?single",
        "https://t.me/s/baza_news/5#x",
        "t.me/baza_news?before=5",
    ],
)
def test_every_form_of_a_name_is_the_same_channel(written: str) -> None:
    assert channel_key(written) == "baza_news"


@pytest.mark.parametrize("written", ["-1001234567", "https://t.me/c/1234567/89"])
def test_an_id_is_the_bare_number(written: str) -> None:
    assert channel_key(written) == 1234567


@pytest.mark.parametrize(
    "written",
    [
        "",
        "@",
        "1234567",
        "-1234567",
        "-100",
        "-1000",
        "a b",
        "ab",
        "t.me/",
        "t.me/+x",
        "t.me/joinchat/x",
        "t.me/c/x",
        "Пост",
        "x" * 33,
    ],
)
def test_anything_else_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        channel_key(written)


@given(st.text())
def test_any_text_is_a_key_or_a_value_error(written: str) -> None:
    try:
        key = channel_key(written)
    except ValueError:
        return
    assert channel_key(f"@{key}" if isinstance(key, str) else f"-100{key}") == key
