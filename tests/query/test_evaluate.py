"""What a query means: the text that meets it, and what is shown for it."""

import subprocess
import sys

import pytest

from channelwatch.places import Gazetteer
from channelwatch.query import Evidence, Span, Subject, compile_query
from channelwatch.text.words import words
from tests.query.world import BAZA, OTHER, SmallGazetteer, ask, compiled

TEXT = "⚡️ Обстрел Белгорода: в Козинке взорвались два дома. Губернатор о прилётах — позже"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("обстрел", ["Обстрел"]),
        ("белгород", ["Белгорода"]),
        ("взорвать", ["взорвались"]),
        ("прилет", ["прилётах"]),
        ("дом губернатор", ["дома", "Губернатор"]),
        ("дом AND губернатор", ["дома", "Губернатор"]),
        ("дом учения", None),
        ("учения OR дом", ["дома"]),
        ("учения | дом | козинка", ["Козинке", "дома"]),
        ("обстрел -учения", ["Обстрел"]),
        ("обстрел -дом", None),
        ("обстрел NOT губернатор", None),
        ("обстрел -(дом учения)", ["Обстрел"]),
        ("обстрел (учения OR козинка)", ["Обстрел", "Козинке"]),
        ("учения OR обстрел дом", ["Обстрел", "дома"]),
        ('"обстрел белгорода"', ["Обстрел Белгорода"]),
        ('"обстрел белгород"', None),
        ('"ОБСТРЕЛ, белгорода!"', ["Обстрел Белгорода"]),
        ("«два дома губернатор»", ["два дома. Губернатор"]),
        ('"белгорода обстрел"', None),
        ("=белгород", None),
        ("strict:белгорода", ["Белгорода"]),
        ('="обстрел белгорода"', ["Обстрел Белгорода"]),
        ("взорв*", ["взорвались"]),
        ("обстрел-белгород", ["Обстрел Белгорода"]),
        ("#обстрел", ["Обстрел"]),
        ("обстрел region:белгород", ["Обстрел"]),
        ("channel:baza", []),
        ("from:@BAZA дом", ["дома"]),
        ("channel:other_one дом", None),
    ],
)
def test_a_query_meets_a_text(query: str, found: list[str] | None) -> None:
    text = TEXT + " Белгород" if "region" in query else TEXT
    assert ask(query, text) == (found if found is None or "region" not in query else [*found, "Белгород"])


@pytest.mark.parametrize(
    "name",
    [
        "baza",
        "BAZA",
        "@baza",
        "t.me/baza",
        "https://t.me/s/Baza",
        "t.me/baza/123",
        "oldbaza",
        '"база рф"',
        "1234567890",
        "-1001234567890",
    ],
)
def test_a_channel_goes_by_its_names_old_and_new_its_alias_and_its_id(name: str) -> None:
    assert ask(f"channel:{name}", "x", BAZA) == []
    assert ask(f"channel:{name}", "x", OTHER) is None


def test_a_tag_is_the_channels() -> None:
    assert ask("tag:news tag:МОСКВА", "x", BAZA) == []
    assert ask("tag:news", "x", OTHER) is None


def test_a_span_names_its_term_as_typed_and_counts_code_points() -> None:
    evidence = compile_query('взорв* "два дома"').evaluate(Subject(TEXT, BAZA))
    assert evidence == Evidence((Span(32, 42, "взорв*"), Span(43, 51, '"два дома"')))


def test_every_occurrence_is_shown_once_in_order() -> None:
    text = "дом, дом и дома"
    evidence = compile_query("дома OR дом OR дом").evaluate(Subject(text, BAZA))
    assert evidence is not None
    assert [(span.start, span.end, span.term) for span in evidence.spans] == [
        (0, 3, "дом"), (0, 3, "дома"), (5, 8, "дом"), (5, 8, "дома"), (11, 15, "дом"), (11, 15, "дома"),
    ]  # fmt: skip


def test_words_that_somebody_cut_already_are_used() -> None:
    assert ask("дом", TEXT) == ["дома"]
    evidence = compile_query("дом").evaluate(Subject(TEXT, BAZA, words(TEXT)))
    assert evidence is not None
    assert len(evidence.spans) == 1


def test_a_region_is_looked_up_only_where_the_words_are_there() -> None:
    gazetteer = SmallGazetteer()
    query = compiled("region:RU-BEL (взрыв OR обстрел) -region:RU-KRS", gazetteer)
    assert query.regions == {"RU-BEL", "RU-KRS"}
    assert query.evaluate(Subject("Белгород спит", BAZA)) is None
    assert gazetteer.calls == 0
    evidence = query.evaluate(Subject("Белгород: взрыв", BAZA))
    assert evidence is not None
    assert [(mention.text, mention.region) for mention in evidence.mentions] == [("Белгород", "RU-BEL")]
    assert gazetteer.calls == 1
    assert query.evaluate(Subject("Белгород, Курск: взрыв", BAZA)) is None


def test_the_built_in_gazetteer_is_used_where_none_is_given() -> None:
    query = compile_query("обстрел region:Белгородская")
    assert query.regions == {"RU-BEL"}
    evidence = query.evaluate(Subject("Обстрел, взрыв в Грайвороне", BAZA))
    assert evidence is not None
    assert [mention.text for mention in evidence.mentions] == ["Грайвороне"]
    assert Gazetteer.load() is Gazetteer.load()


def test_an_exact_phrase_needs_no_dictionary_and_no_gazetteer() -> None:
    code = """
import sys
from channelwatch.query import Source, Subject, compile_query, fts_candidates
query = compile_query('"два дома" channel:baza -=учения взр*')
fts_candidates(query), query.evaluate(Subject("два дома", Source(id=1)))
print([name for name in ("pymorphy3", "channelwatch.places", "channelwatch.text.forms", "sqlite3", "asyncio") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
