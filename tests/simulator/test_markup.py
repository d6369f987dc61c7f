import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.simulator.markup import MarkupError, MessageEntity, parse_html, units


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain", "plain", []),
        ("<b>бой</b> &amp; <i>тишина</i>", "бой & тишина", [("bold", 0, 3), ("italic", 6, 6)]),
        ("💥<b>💥</b>", "💥💥", [("bold", 2, 2)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("&lt;b&gt; &#1073;&#x439; &nbsp; & &x;", "<b> бй &nbsp; & &x;", []),
        ("  <b> a </b>  ", "a", [("bold", 0, 1)]),
        ("a\x07b\u202ec", "a bc", []),
    ],
)
def test_markup_is_read_as_telegram_reads_it(source: str, text: str, entities: list[tuple[str, int, int]]) -> None:
    assert parse_html(source) == (text, [MessageEntity(*entity) for entity in entities])


def test_links_keep_their_address() -> None:
    assert parse_html('<a href="https://t.me/a?b=1&amp;c=2">x</a>')[1] == [
        MessageEntity("text_link", 0, 1, "https://t.me/a?b=1&c=2")
    ]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("<x>a</x>", 'Unsupported start tag "x" at byte offset 0'),
        ("ы < b", 'Unsupported start tag "" at byte offset 3'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b>a</b", "Unclosed end tag at byte offset 4"),
        ('<span class="x">a</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_bad_markup_is_refused_in_the_servers_words(source: str, complaint: str) -> None:
    with pytest.raises(MarkupError) as refusal:
        parse_html(source)
    assert str(refusal.value) == complaint


@settings(deadline=None)
@given(st.text(st.sampled_from("<>/b i&;#x1a\"='💥ы\n"), max_size=60))
def test_anything_is_read_or_refused(source: str) -> None:
    try:
        text, entities = parse_html(source)
    except MarkupError:
        return
    for entity in entities:
        assert entity.offset + entity.length <= units(text)
