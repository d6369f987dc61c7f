from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.alerts.wording import (
    LIMIT,
    Notice,
    clean,
    html,
    line,
    matched_words,
    plain,
    times,
    units,
    without_markup,
)
from channelwatch.simulator.markup import parse_html

MOSCOW = ZoneInfo("Europe/Moscow")
SHELLED = Notice(
    alert=12,
    severity="critical",
    rules=("border", "shelling"),
    reason="new",
    channel="legion",
    title="Легион",
    message_id=77,
    url="https://t.me/legion/77",
    date=datetime(2023, 5, 22, 9, 15, tzinfo=UTC),
    text="Сводка: бой у села Козинка, <b>Грайворон</b> & граница.",
    spans=((19, 26), (31, 40)),
    places=("Козинка", "Грайворон"),
    regions=("Belgorod Oblast",),
    forward="Baza (t.me/baza/5)",
    media="photo",
)

nasty = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("<>&\"'/=b;#\u202e\u200b\x00\x1b\n\t 💥\u0301"),
        st.characters(categories=["Cs"]),
    ),
    max_size=300,
)


def visible(parts: list[str]) -> str:
    return "".join(parse_html(part)[0] for part in parts)


def squeezed(text: str) -> str:
    return "".join(clean(text).split())


def test_an_alert_names_everything_in_one_message() -> None:
    (part,) = html(SHELLED, MOSCOW)
    text, entities = parse_html(part)
    assert text == (
        "🔴 critical · Козинка, Грайворон (Belgorod Oblast)\n"
        "https://t.me/legion/77\n"
        "Легион (legion) · 22 May 2023 12:15 MSK (09:15 UTC) · forwarded from Baza (t.me/baza/5) · with photo\n"
        "rules: border, shelling\n"
        "words: «Козинка», «Грайворон»\n"
        "new · alert 12\n"
        "\n"
        "Сводка: бой у села Козинка, <b>Грайворон</b> & граница."
    )
    raw = text.encode("utf-16-le")
    bold = [raw[e.offset * 2 : (e.offset + e.length) * 2].decode("utf-16-le") for e in entities]
    assert bold[-2:] == ["Козинка", "Грайворон"]


def test_the_console_block_is_readable_and_its_marks_hold_the_words() -> None:
    fields = msgspec.json.decode(line(SHELLED, MOSCOW))
    block = fields["block"]
    assert [block[start:end] for start, end in fields["marks"]] == ["Козинка", "Грайворон"]
    assert block == plain(SHELLED, MOSCOW)
    assert block.splitlines()[0] == "CRITICAL  Козинка, Грайворон (Belgorod Oblast)"
    assert "  link    https://t.me/legion/77" in block.splitlines()


def test_the_json_line_is_one_line_with_all_fields() -> None:
    text = line(msgspec.structs.replace(SHELLED, text="одна\nдве\u2028три"), UTC)
    assert "\n" not in text
    fields = msgspec.json.decode(text)
    assert (fields["rule"], fields["places"], fields["date"]) == (
        "border, shelling",
        ["Козинка", "Грайворон"],
        "2023-05-22T09:15:00Z",
    )


def test_a_long_text_flows_into_a_second_part_that_names_the_alert() -> None:
    notice = msgspec.structs.replace(SHELLED, text="слово " * 650, spans=((3000, 3005),))
    first, second = html(notice)
    assert parse_html(second)[0].startswith("… alert 12 · https://t.me/legion/77\n\n")
    assert max(units(parse_html(part)[0]) for part in (first, second)) <= LIMIT


def test_an_endless_text_is_quoted_around_the_matched_words() -> None:
    text = "а" * 50_000 + " Козинка " + "б" * 50_000
    notice = msgspec.structs.replace(SHELLED, text=text, spans=((50_001, 50_008),))
    parts = html(notice)
    assert len(parts) <= 2
    assert "[…]" in visible(parts)
    assert "<b>Козинка</b>" in "".join(parts)


def test_bidi_control_and_invisible_characters_go_but_joined_emoji_stay() -> None:
    assert clean("a\u202eb\x1b[31m\x00c\u200b\ud800 👩\u200d🚒\n\tx") == "ab[31mc 👩\u200d🚒\n\tx"


def test_overlapping_spans_become_one_mark() -> None:
    notice = msgspec.structs.replace(SHELLED, text="abcdef", spans=((0, 3), (2, 5), (9, 99)))
    assert "<b>abcde</b>f" in html(notice)[0]
    assert matched_words(notice) == ["abc", "cde"]


def test_a_part_without_markup_reads_the_same() -> None:
    (part,) = html(SHELLED)
    assert without_markup(part) == parse_html(part)[0]


def test_times_name_the_day_where_it_differs() -> None:
    late = datetime(2023, 5, 22, 22, 30, tzinfo=UTC)
    assert times(late, MOSCOW) == "23 May 2023 01:30 MSK (22 May 22:30 UTC)"
    assert times(late, UTC) == "22 May 2023 22:30 UTC"


def test_many_rules_with_long_names_are_all_named() -> None:
    notice = msgspec.structs.replace(SHELLED, rules=tuple(f"{n:03}-" + "x" * 500 for n in range(100)))
    text = visible(html(notice))
    assert all(f"{n:03}-" in text for n in range(100))


@settings(deadline=None)
@given(st.data())
def test_whatever_people_write_shows_as_text(data: st.DataObject) -> None:
    text = data.draw(nasty)
    starts = data.draw(st.lists(st.integers(0, 300), max_size=6))
    spans = tuple((start, start + data.draw(st.integers(0, 40))) for start in starts)
    notice = msgspec.structs.replace(
        SHELLED,
        text=text,
        spans=spans,
        rules=(data.draw(nasty),),
        title=data.draw(nasty),
        channel=data.draw(nasty),
        places=(data.draw(nasty),),
        reason=data.draw(nasty),
        forward=data.draw(nasty),
    )
    limit = data.draw(st.sampled_from([200, 1000, LIMIT]))
    parts = html(notice, limit=limit)
    for part in parts:
        shown, _ = parse_html(part)  # raises where the markup is bad
        assert 0 < units(shown) <= limit
        assert without_markup(part).split() == shown.split()
    told = squeezed(visible(parts)).replace(squeezed(f"… alert 12 · {SHELLED.url}"), "")
    for field in (text, notice.title, notice.rules[0], notice.reason):
        if len(field) < 300:
            assert squeezed(field) in told
    assert SHELLED.url in visible(parts[:1])
    msgspec.json.decode(line(notice))


def test_half_a_character_in_any_field_spoils_no_line() -> None:
    broken = dict.fromkeys(("reason", "channel", "title", "text", "forward"), "�x")
    notice = msgspec.structs.replace(SHELLED, rules=("\ud800x",), places=("\ud800x",), **broken)
    assert msgspec.json.decode(line(notice))["rule"] == "x"
