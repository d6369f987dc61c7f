"""Words: where they start and end, what they fold to, and that full-text search cuts the same ones."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.text import words as module
from channelwatch.text.fold import fold
from channelwatch.text.letters import fold_cluster
from channelwatch.text.words import LONGEST, Word, index_words, words

POSTS = Path(__file__).parents[2].parent / "shared" / "data" / "posts.jsonl"

USUAL = st.sampled_from("абвеёйіїґ АВЕЁСTPOacetopxyABCE019_ ''’’`ʼ—-.,#@«»\n\t\xa0№⚡️\ufe0f🔥🇷1️⃣?")
STRANGE = st.sampled_from(
    "\u0301\u0306\u0308\u200b\u200d\u00ad\u20e3\ud800\0ßﬁ½①Ⓐ𝐁Ａ𞤀각αοéïİǅ\u0488\u1c80\u3164\u2011ﬀ가"
)
TEXT = st.one_of(
    st.text(USUAL, max_size=40), st.text(st.one_of(USUAL, STRANGE, st.characters()), max_size=30), st.text(STRANGE)
)


def forms(text: str) -> list[str]:
    return [word.form for word in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Обстрел Белгорода!", ["обстрел", "белгорода"]),
        ("#Белгород_новости", ["белгород", "новости"]),
        ("⚡️Обстрел🔥взрыв", ["обстрел", "взрыв"]),
        ("1️⃣обстрел", ["1", "обстрел"]),
        ("здоров'я здоров’я здоровʼя здоров`я", ["здоровя"] * 4),
        ("'Град' — 'Ураган'", ["град", "ураган"]),
        ("Нью-Йорк, т.д. №5", ["нью", "иорк".replace("и", "й"), "т", "д", "5"]),
        ("Ukraine’s don't", ["ukraines", "dont"]),
        ("Бе́лгород ё́лка и\u0306од", ["белгород", "елка", "йод"]),
        ("Бeлгopoд CША именнo", ["белгород", "сша", "именно"]),
        ("ШтормZ PetroChinа", ["штормz", "petrochina"]),
        ("бел\u00adго\u200bро\ufe0fд", ["белгород"]),
        ("ＢＥＬ 𝐁𝐞𝐥 Ⓑⓔⓛ", ["bel", "bel", "bel"]),
        ("Apple™ 5℃ ½", ["apple", "5", "1", "2"]),
        ("🇺🇦 \ud800 \0 🙂", []),
        ("𞤀", ["u1e922"]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_its_folded_words(text: str, expected: list[str]) -> None:
    assert forms(text) == expected
    assert index_words(text).split() == expected


def test_a_word_knows_its_place_in_the_original() -> None:
    text = "⚡️ Бе́лго\u00adрод: здоров’я, Украïна\ufe0f!"
    assert [text[word.start : word.end] for word in words(text)] == ["Бе́лго\u00adрод", "здоров’я", "Украïна"]
    assert words("a б") == [Word(0, 1, "a"), Word(2, 3, "б")]


def test_a_form_is_cut_at_the_longest_but_its_span_is_whole() -> None:
    text = "ж" * 5000
    assert words(text) == [Word(0, 5000, "ж" * LONGEST)]
    assert index_words(text) == "ж" * LONGEST
    assert forms("\u0301" + "𞤀" * 5000) == [("u1e922" * 5000)[:LONGEST]]


def test_each_plain_sign_is_one_separator() -> None:
    signs = [chr(at) for at in range(sys.maxunicode + 1) if module._ODD.fullmatch(chr(at)) is None]
    for sign in signs:
        if sign not in module.ALPHABET and sign not in "\ufe0f\u20e3":
            assert fold_cluster(sign) == sign
            assert not sign.isalnum()


@settings(deadline=None)
@given(TEXT)
def test_the_short_cut_and_the_long_way_agree(text: str) -> None:
    assert words(text) == module._odd_words(text, 0, len(text))
    assert index_words(text).split() == forms(text)
    assert index_words(text) == " ".join(forms(text))


@settings(deadline=None)
@given(TEXT)
def test_a_folded_text_has_the_same_words(text: str) -> None:
    assert forms(fold(text)) == forms(text)


@settings(deadline=None)
@given(TEXT)
def test_spans_are_in_order_and_inside(text: str) -> None:
    found = words(text)
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(found))


@pytest.fixture(scope="module")
def fts() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (words, tokenize='unicode61 remove_diacritics 0')")
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab (t, instance)")
    yield connection
    connection.close()


def fts_words(connection: sqlite3.Connection, text: str) -> list[str]:
    connection.execute("DELETE FROM t")
    connection.execute("INSERT INTO t (rowid, words) VALUES (1, ?)", (index_words(text),))
    return [term for (term,) in connection.execute("SELECT term FROM v ORDER BY offset")]


@settings(deadline=None)
@given(TEXT)
def test_full_text_search_cuts_the_same_words(fts: sqlite3.Connection, text: str) -> None:
    assert fts_words(fts, text) == forms(text)


def test_full_text_search_cuts_the_same_words_around_every_letter(fts: sqlite3.Connection) -> None:
    letters = [
        char for at in range(sys.maxunicode + 1) if (char := chr(at)).isalnum() or normalize("NFKC", char) != char
    ]
    letters = [char for n, char in enumerate(letters) if char < "\u3000" or n % 11 == 0]
    for first in range(0, len(letters), 5000):
        text = " ".join(f"к{char}м" for char in letters[first : first + 5000] if not "가" < char <= "힣")
        assert fts_words(fts, text) == forms(text)


def test_real_posts_are_cut_alike_by_all() -> None:
    if not POSTS.exists():
        pytest.skip("the shared posts are not here")
    connection = sqlite3.connect(":memory:")
    with POSTS.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines][::25]
    for text in texts:
        assert index_words(text).split() == forms(text)
        assert words(text) == module._odd_words(text, 0, len(text))
    connection.close()
