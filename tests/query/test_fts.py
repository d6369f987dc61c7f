"""What full-text search proposes: every post that meets the query, whatever its text is made of."""

import sqlite3

import pytest
from hypothesis import given, settings

from channelwatch.errors import QueryError
from channelwatch.query import Subject, fts_candidates
from channelwatch.text.words import index_words
from tests.query.test_index import QUERY
from tests.query.test_index import TEXT as PLAIN
from tests.query.world import BAZA, compiled
from tests.text.test_words import TEXT as STRANGE


def proposes(query: str, text: str) -> bool:
    expression = fts_candidates(compiled(query))
    if expression is None:
        return True
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (words, tokenize='unicode61 remove_diacritics 0')")
    connection.execute("INSERT INTO t VALUES (?)", (index_words(text),))
    found = connection.execute("SELECT count(*) FROM t WHERE t MATCH ?", (expression,)).fetchone()
    connection.close()
    return bool(found[0])


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("=дом", '"дом"'),
        ('"два дома"', '"два дома"'),
        ("=дом =пожар", '("дом" AND "пожар")'),
        ("=дом OR =пожар", '("дом" OR "пожар")'),
        ("=дом -пожар region:курск channel:baza", '"дом"'),
        ("пож*", '"пож"*'),
        ("region:курск", None),
        ("channel:baza", None),
        ("=дом OR region:курск", None),
        ("=дом (=пожар OR tag:news)", '"дом"'),
        ('"о\'кей «OR» NEAR"', '"окей or near"'),
    ],
)
def test_the_expression_for_a_query(query: str, expression: str | None) -> None:
    assert fts_candidates(compiled(query)) == expression


@settings(deadline=None)
@given(QUERY, PLAIN)
def test_every_text_that_meets_a_query_is_proposed(query: str, text: str) -> None:
    if compiled(query).evaluate(Subject(text, BAZA)) is not None:
        assert proposes(query, text)


@settings(deadline=None)
@given(STRANGE, STRANGE)
def test_any_text_in_quotes_makes_a_safe_expression(words: str, text: str) -> None:
    words = words.replace('"', " ").replace("“", " ").replace("”", " ")
    try:
        met = compiled(f'"{words}"').evaluate(Subject(text + words, BAZA)) is not None
    except QueryError:
        return
    assert proposes(f'"{words}"', text + words) or not met


def test_a_query_of_many_parts_is_not_too_deep_for_sqlite() -> None:
    deep = "(" * 14 + "дом" + "".join(f" OR взрыв{n}) белгород{n}" for n in range(14))
    assert proposes(deep, "дом") in (True, False)
    wide = " OR ".join(f"взорвать{n} обстрел{n}" for n in range(300))
    assert proposes(wide, "дом") in (True, False)
    assert proposes(" ".join(["дом"] * 500), "дома")
