"""Search: exactly the posts that the evaluator accepts, newest first."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.archive import channels, posts
from channelwatch.archive.search import search, source
from channelwatch.archive.writer import Writer
from channelwatch.clock import from_iso
from channelwatch.config.model import ChannelConfig
from channelwatch.errors import QueryError
from channelwatch.post import Post
from channelwatch.query.compile import compile_query
from channelwatch.query.subject import Subject

from .conftest import BAZA, LEGION, NOW, a_post, in_memory

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def put(writer: Writer, *batch: Post) -> None:
    writer.run_sync(posts.store, batch, "push", NOW)


def ids(writer: Writer, query: str, **bounds: object) -> list[int]:
    hits = writer.run_sync(search, compile_query(query), **bounds)
    return [hit.message_id for hit in hits]


def by_evaluation(connection: sqlite3.Connection, query: str) -> list[int]:
    """Return ``posts.id`` of every post that the query's definition accepts, newest first."""
    compiled, past = compile_query(query), channels.past_names(connection)
    known = {one.id: source(one, past.get(one.id, ())) for one in channels.every(connection)}
    return [
        rowid
        for rowid, channel_id, text in connection.execute("SELECT id, channel_id, text FROM posts ORDER BY id DESC")
        if compiled.evaluate(Subject(text, known[channel_id])) is not None
    ]


def test_a_word_finds_all_its_forms_newest_first(writer: Writer) -> None:
    put(writer, a_post(101, "Обстрел Козинки"), a_post(102, "после ОБСТРЕЛА"), a_post(103, "тишина"))
    assert ids(writer, "обстрел") == [102, 101]


def test_a_hit_tells_where_and_why(writer: Writer) -> None:
    put(writer, a_post(101, "Ночью снова обстрелы!", views=5, edited=NOW))
    (hit,) = writer.run_sync(search, compile_query("обстрел"))
    assert [hit.text[span.start : span.end] for span in hit.evidence.spans] == ["обстрелы"]
    assert (hit.channel, hit.url, hit.views, hit.edited) == ("legion", "https://t.me/legion/101", 5, NOW)


def test_since_is_inclusive_and_until_exclusive(writer: Writer) -> None:
    put(writer, *(a_post(i, "тревога") for i in range(101, 106)))
    moment = a_post(103).date
    assert ids(writer, "тревога", since=moment) == [105, 104, 103]
    assert ids(writer, "тревога", until=moment) == [102, 101]
    assert ids(writer, "channel:legion -тишина", since=moment, until=moment + timedelta(seconds=1)) == [103]


def test_a_time_bound_reads_the_date_not_the_id(writer: Writer) -> None:
    put(writer, a_post(101, "тревога", date=NOW + timedelta(milliseconds=700)))
    assert ids(writer, "тревога", since=NOW + timedelta(milliseconds=800)) == []
    assert ids(writer, "тревога", until=NOW + timedelta(milliseconds=800)) == [101]


def test_one_channel_and_a_limit(writer: Writer) -> None:
    put(writer, *(a_post(i, "тревога", channel_id=c) for i in range(101, 104) for c in (LEGION.id, BAZA.id)))
    assert ids(writer, "тревога", channel=BAZA.id) == [103, 102, 101]
    assert len(ids(writer, "тревога", limit=4)) == 4
    assert len(ids(writer, "тревога", limit=None)) == 6


def test_channel_terms_know_aliases_past_names_and_tags(writer: Writer) -> None:
    put(writer, a_post(101, "тревога"), a_post(102, "тревога", channel_id=BAZA.id))
    config = ChannelConfig(name="freedom", alias="Легион", tags=("volunteers",))
    renamed = type(LEGION)(LEGION.id, LEGION.access_hash, "freedom", "Freedom", joined=True)
    writer.run_sync(channels.upsert, renamed, config, NOW + timedelta(hours=1))
    for query in ("channel:legion", "channel:freedom", "channel:Легион", "tag:volunteers", "channel:1001 тревога"):
        assert ids(writer, query) == [101], query
    assert ids(writer, "тревога -channel:freedom") == [102]


def test_an_edited_post_is_found_by_its_newest_text_alone(writer: Writer) -> None:
    put(writer, a_post(101, "тревога"))
    put(writer, a_post(101, "отбой", edited=NOW))
    assert (ids(writer, "тревога"), ids(writer, "отбой")) == ([], [101])


WORDS = st.sampled_from(
    [
        "обстрел",
        "обстрела",
        "Козинка",
        "Козинке",
        "тревога",
        "не",
        "И",
        "дом-2",
        "#тревога",
        "🚀обстрел",
        "ё",
        "e\u0301",
    ]
)
TEXTS = st.lists(WORDS, max_size=6).map(" ".join)
LEAVES = st.one_of(
    st.sampled_from(["обстрел", "козинка", "тревога", "=обстрела", "трев*", "дом-2", "channel:legion", "channel:none"]),
    st.sampled_from(['"обстрел козинки"', '"не тревога"', '"обстрела козинка"', "-обстрел", "-channel:baza"]),
)
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" ".join),
        st.tuples(inner, inner).map(" OR ".join).map("({})".format),
        inner.map("-({})".format),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.sampled_from([LEGION.id, BAZA.id])), max_size=12), st.lists(QUERIES, max_size=8))
def test_search_is_the_filter_of_all_posts(texts: list[tuple[str, int]], queries: list[str]) -> None:
    with closing(in_memory()) as archive:
        batch = [a_post(i, text or " ", channel_id=channel) for i, (text, channel) in enumerate(texts, 1)]
        posts.store(archive, batch, "push", NOW)
        for query in queries:
            try:
                compiled = compile_query(query)
            except QueryError:  # it only says what must be absent
                continue
            found = [hit.id for hit in search(archive, compiled, limit=None)]
            assert found == by_evaluation(archive, query), query


@pytest.fixture(scope="module")
def real_archive() -> Iterator[sqlite3.Connection]:
    source = DATA / "posts.jsonl"
    if not source.exists():
        pytest.skip("the real posts are not on this machine")
    with closing(in_memory()) as archive:
        batch = []
        with source.open() as lines:
            for number, line in enumerate(lines, 1):
                if number % 4:  # a quarter is plenty
                    continue
                row = json.loads(line)
                channel = channels.for_import(archive, row["channel"], NOW)
                batch.append(Post(channel_id=channel, message_id=number, date=date_of(row), text=row["text"]))
        posts.store(archive, batch, "import", NOW)
        yield archive


def date_of(row: dict[str, str]) -> datetime:
    return from_iso(row["date"])


@pytest.mark.parametrize(
    "query",
    [
        "обстрел",
        "Белгород",
        '"в результате"',
        "путин -сша",
        "ракета OR дрон OR беспилотник",
        "(взрыв OR пожар) -учения",
        "US sanctions",
        "channel:kommersant -россия -the",
        "обстр*",
        "=россии",
        "дрон channel:kommersant",
    ],
)
def test_search_over_real_posts_is_the_filter_of_all(real_archive: sqlite3.Connection, query: str) -> None:
    found = [hit.id for hit in search(real_archive, compile_query(query), limit=None)]
    assert found == by_evaluation(real_archive, query)
    newest = [hit.id for hit in search(real_archive, compile_query(query), limit=3)]
    assert newest == found[:3]
