"""Storing posts: once, in every text they had, chained, indexed, with work for the rules."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.archive import fts, ledger, posts
from channelwatch.archive.posts import Stored, mark_deleted, store, verify_chain
from channelwatch.archive.writer import Writer
from channelwatch.clock import iso
from channelwatch.errors import ArchiveError
from channelwatch.post import Came, Entity, Forward, Post

from .conftest import LEGION, NOW, a_post, in_memory

LATER = NOW + timedelta(minutes=5)


def rows(writer: Writer, select: str, *values: Any) -> list[Any]:
    return writer.run_sync(lambda c: c.execute(select, values).fetchall())


def found(writer: Writer, word: str) -> list[int]:
    return [
        message_id
        for (message_id,) in rows(
            writer,
            "SELECT message_id FROM posts_fts JOIN posts ON posts.id = posts_fts.rowid "
            "WHERE posts_fts MATCH ? ORDER BY message_id",
            word,
        )
    ]


def test_every_field_of_a_post_is_kept(writer: Writer) -> None:
    post = a_post(
        101,
        "Обстрел Козинки",
        edited=NOW,
        views=10,
        forwards=2,
        replies=1,
        reactions={"👍": 3, "custom:55": 1},
        forward=Forward(channel_id=5, message_id=6, name="somebody", date=NOW),
        reply_to=99,
        album=12345678901234,
        media="photo",
        media_id=2**62,
        entities=(Entity("text_link", 0, 7, "https://example.org"),),
        author="editor",
    )
    writer.run_sync(store, [post], "push", NOW)
    cursor = writer.run_sync(
        lambda c: [
            dict(zip([d[0] for d in q.description], q.fetchone(), strict=True))
            for q in [c.execute("SELECT * FROM posts")]
        ]
    )
    row = cursor[0]
    assert row.pop("id") == int(post.date.timestamp()) << 20
    assert row == {
        "channel_id": LEGION.id,
        "message_id": 101,
        "date": "2023-05-22T09:01:41Z",
        "text": "Обстрел Козинки",
        "kind": "message",
        "edited": "2023-05-22T09:00:00Z",
        "views": 10,
        "forwards": 2,
        "replies": 1,
        "reactions": '{"👍":3,"custom:55":1}',
        "forward_channel_id": 5,
        "forward_message_id": 6,
        "forward_name": "somebody",
        "forward_date": "2023-05-22T09:00:00Z",
        "reply_to": 99,
        "album": 12345678901234,
        "media": "photo",
        "media_id": 2**62,
        "entities": '[{"kind":"text_link","start":0,"end":7,"url":"https://example.org"}]',
        "author": "editor",
        "revision": 1,
        "came": "push",
        "stored_at": "2023-05-22T09:00:00Z",
        "last_seen": "2023-05-22T09:00:00Z",
        "missing_since": None,
    }


def test_the_same_post_twice_is_one_row_with_fresh_counters(writer: Writer) -> None:
    first = writer.run_sync(store, [a_post(101, views=1)], "push", NOW)
    second = writer.run_sync(store, [a_post(101, views=7, reactions={"👍": 1})], "sweep", LATER)
    assert second == Stored(seen=first.new)
    assert rows(writer, "SELECT views, reactions, came, revision, last_seen FROM posts") == [
        (7, '{"👍":1}', "push", 1, iso(LATER))
    ]
    assert rows(writer, "SELECT count(*) FROM revisions") == [(1,)]
    assert rows(writer, "SELECT count(*) FROM work") == [(1,)]


def test_a_counter_that_an_update_leaves_out_stays(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101, views=5, forwards=2)], "sweep", NOW)
    writer.run_sync(store, [a_post(101, views=None)], "push", LATER)
    assert rows(writer, "SELECT views, forwards FROM posts") == [(5, 2)]


def test_an_edit_makes_a_revision_and_the_index_follows(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101, "Тревога в Козинке")], "push", NOW)
    stored = writer.run_sync(store, [a_post(101, "Отбой в Козинке", edited=LATER)], "push", LATER)
    assert len(stored.revised) == 1
    assert rows(writer, "SELECT number, text, came, first_seen, last_seen FROM readable_revisions ORDER BY number") == [
        (1, "Тревога в Козинке", "push", iso(NOW), iso(NOW)),
        (2, "Отбой в Козинке", "push", iso(LATER), iso(LATER)),
    ]
    assert rows(writer, "SELECT text FROM revisions WHERE number = 2") == [(None,)]
    assert rows(writer, "SELECT revision, came FROM work ORDER BY id") == [(1, "push"), (2, "push")]
    assert found(writer, "тревога") == []
    assert found(writer, "отбой") == [101]
    assert writer.run_sync(fts.check)


def test_an_older_state_that_comes_late_changes_nothing(writer: Writer) -> None:
    newest = a_post(101, "third", edited=NOW + timedelta(minutes=2), views=30)
    writer.run_sync(store, [newest], "sweep", LATER)
    for late in (a_post(101, "second", edited=NOW + timedelta(minutes=1), views=20), a_post(101, "first", views=10)):
        assert writer.run_sync(store, [late], "push", LATER).revised == []
    assert rows(writer, "SELECT text, views, revision FROM posts") == [("third", 30, 1)]


def test_an_edit_in_the_same_second_counts_as_newer(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101, "one", edited=NOW)], "push", NOW)
    assert writer.run_sync(store, [a_post(101, "two", edited=NOW)], "push", NOW).revised
    assert rows(writer, "SELECT text FROM posts") == [("two",)]


def test_two_states_of_a_post_in_one_batch_are_taken_in_order(writer: Writer) -> None:
    batch = [a_post(101, "one"), a_post(102), a_post(101, "two", edited=LATER), a_post(101, "three", edited=LATER)]
    stored = writer.run_sync(store, batch, "push", LATER)
    assert (len(stored.new), len(stored.revised)) == (2, 2)
    assert [text for (text,) in rows(writer, "SELECT text FROM readable_revisions WHERE number > 1 ORDER BY id")] == [
        "two",
        "three",
    ]
    assert writer.run_sync(verify_chain) is None


def test_a_post_keeps_its_raw_bytes_per_revision(writer: Writer) -> None:
    import zlib

    writer.run_sync(store, [a_post(101, "one", raw=b"\x00TL one" * 50)], "push", NOW)
    writer.run_sync(store, [a_post(101, "two", raw=b"\x00TL two", edited=LATER)], "push", LATER)
    raws = [zlib.decompress(raw) for (raw,) in rows(writer, "SELECT raw FROM revisions ORDER BY id")]
    assert raws == [b"\x00TL one" * 50, b"\x00TL two"]


def test_posts_of_one_second_take_the_next_free_ids(writer: Writer) -> None:
    same = [a_post(i, date=NOW) for i in range(101, 111)]
    first = writer.run_sync(store, same[:5], "push", NOW)
    second = writer.run_sync(store, same[5:], "push", NOW)
    base = int(NOW.timestamp()) << 20
    assert [*first.new, *second.new] == list(range(base, base + 10))


def test_a_full_second_borrows_from_the_next(writer: Writer) -> None:
    base = int(NOW.timestamp()) << 20
    stored = writer.run_sync(store, [a_post(101, date=NOW)], "push", NOW)
    last = base + (1 << 20) - 1

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for table, column in (("posts", "id"), ("revisions", "post_id"), ("work", "post_id")):
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (last, stored.new[0]))

    writer.run_sync(fill)
    more = writer.run_sync(
        store, [a_post(102, date=NOW), a_post(103, date=NOW + timedelta(seconds=1)), a_post(104, date=NOW)], "push", NOW
    )
    assert more.new == [last + 1, last + 2, last + 3]


def test_imported_posts_get_work_that_says_how_they_came(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101)], "import", NOW)
    assert rows(writer, "SELECT came, not_before FROM work") == [("import", None)]


def test_a_part_of_an_album_waits_for_the_others(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101, album=5), a_post(102)], "push", NOW)
    assert rows(writer, "SELECT not_before FROM work ORDER BY id") == [(iso(NOW + posts.ALBUM_WAIT),), (None,)]


def test_an_import_never_changes_what_telegram_told(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101, "as Telegram has it", views=5)], "sweep", NOW)
    stored = writer.run_sync(store, [a_post(101, "as a copy has it", views=1, edited=LATER)], "import", LATER)
    assert len(stored.seen) == 1
    assert rows(writer, "SELECT text, views, last_seen FROM posts") == [("as Telegram has it", 5, iso(NOW))]


def test_telegram_corrects_what_was_imported(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101, "as a copy has it", raw=b"")], "import", NOW)
    assert writer.run_sync(store, [a_post(101, "as Telegram has it")], "backfill", LATER).revised
    assert rows(writer, "SELECT raw IS NULL FROM revisions ORDER BY id") == [(1,), (0,)]


def test_a_deletion_is_an_interval_and_can_be_taken_back(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101), a_post(102)], "push", NOW)
    assert writer.run_sync(mark_deleted, LEGION.id, [101, 555], LATER) == 1
    assert writer.run_sync(mark_deleted, LEGION.id, [101], LATER + timedelta(hours=1)) == 0
    assert rows(writer, "SELECT last_seen, missing_since FROM posts WHERE message_id = 101") == [(iso(NOW), iso(LATER))]
    writer.run_sync(store, [a_post(101)], "sweep", LATER + timedelta(hours=2))
    assert rows(writer, "SELECT missing_since FROM posts WHERE message_id = 101") == [(None,)]


def test_a_post_of_an_unknown_channel_is_an_error_that_stores_nothing(writer: Writer) -> None:
    with pytest.raises(ArchiveError, match="FOREIGN KEY"):
        writer.run_sync(store, [a_post(101), a_post(1, channel_id=4)], "push", NOW)
    assert rows(writer, "SELECT count(*) FROM posts") == [(0,)]


async def test_a_call_undone_amid_a_shared_commit_leaves_the_others_in_index_and_chain(writer: Writer) -> None:
    def half(connection: sqlite3.Connection) -> None:
        store(connection, [a_post(102, "ложная"), a_post(101, "подмена", edited=LATER)], "push", NOW)
        raise LookupError

    gate = threading.Event()
    calls = [
        asyncio.ensure_future(call)
        for call in (
            writer.run(lambda c: (store(c, [a_post(101, "первая")], "push", NOW), gate.wait(10))),
            writer.run(half),
            writer.run(store, [a_post(103, "третья")], "push", NOW),
        )
    ]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[1], LookupError)

    def agrees(connection: sqlite3.Connection) -> tuple[bool, int | None, list[str]]:
        texts = [text for (text,) in connection.execute("SELECT text FROM posts ORDER BY message_id")]
        return fts.check(connection), verify_chain(connection), texts

    assert await writer.run(agrees) == (True, None, ["первая", "третья"])


def test_the_chain_survives_a_call_that_was_rolled_back(writer: Writer) -> None:
    def half(connection: sqlite3.Connection) -> None:
        store(connection, [a_post(102)], "push", NOW)
        raise LookupError

    writer.run_sync(store, [a_post(101)], "push", NOW)
    with pytest.raises(LookupError):
        writer.run_sync(half)
    writer.run_sync(store, [a_post(103)], "push", NOW)
    assert writer.run_sync(verify_chain) is None


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE posts SET text = 'changed' WHERE message_id = 102",
        "UPDATE revisions SET raw = (SELECT raw FROM revisions WHERE id = 1) WHERE id = 2",
        "UPDATE revisions SET raw = NULL WHERE id = 2",
        "UPDATE revisions SET raw = x'00' WHERE id = 2",
        "UPDATE revisions SET came = 'sweep' WHERE id = 2",
        "UPDATE revisions SET first_seen = '2023-05-22T08:00:00Z' WHERE id = 2",
        "UPDATE posts SET message_id = 999 WHERE message_id = 102",
        "UPDATE posts SET channel_id = 1002 WHERE message_id = 102",
    ],
)
def test_tampering_breaks_the_chain_at_its_place(writer: Writer, tampering: str) -> None:
    writer.run_sync(store, [a_post(101), a_post(102), a_post(103)], "push", NOW)
    assert writer.run_sync(verify_chain) is None
    writer.run_sync(lambda c: c.execute(tampering) and None)
    assert writer.run_sync(verify_chain) == 2


def test_a_revision_taken_out_breaks_the_chain_behind_it(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101), a_post(102), a_post(103)], "push", NOW)
    writer.run_sync(lambda c: c.execute("DELETE FROM revisions WHERE id = 2") and None)
    assert writer.run_sync(verify_chain) == 3


def test_a_stored_post_leaves_its_hole_whoever_stores_it(writer: Writer) -> None:
    writer.run_sync(store, [a_post(103)], "sweep", NOW)
    writer.run_sync(ledger.advance, LEGION.id, 103, NOW)
    for message_id, came in ((101, "push"), (102, "hole")):
        writer.run_sync(store, [a_post(message_id)], came, NOW)
        assert [account.holds for account in writer.run_sync(ledger.balance)] == [True]
    assert rows(writer, "SELECT * FROM ranges") == []


def test_odd_texts_are_kept_to_the_character(writer: Writer) -> None:
    texts = [
        "",
        "\x00nul\x00",
        "  spaces \r\n\t",
        "e\u0301 не́мой",
        "🇺🇦" * 1000,
        "\u202eright to left",
        "\ufeffbom",
        "'; DROP TABLE posts",
    ]
    batch = [Post(channel_id=LEGION.id, message_id=101 + i, date=NOW, text=text) for i, text in enumerate(texts)]
    writer.run_sync(store, batch, "push", NOW)
    assert [text for (text,) in rows(writer, "SELECT text FROM posts ORDER BY message_id")] == texts
    assert writer.run_sync(fts.check)
    assert writer.run_sync(verify_chain) is None


CAME = st.sampled_from(["push", "sweep", "hole", "backfill", "import"])
STATES = st.builds(
    lambda message_id, text, edited, channel: a_post(
        message_id, text, channel_id=channel, date=NOW, edited=NOW + timedelta(seconds=edited) if edited else None
    ),
    st.integers(95, 106),
    st.sampled_from(["тревога", "отбой", "Тревога!", "ничего нового"]),
    st.integers(0, 3),
    st.sampled_from([1001, 1002]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CAME, st.lists(STATES, max_size=6)), max_size=8))
def test_whatever_comes_in_whatever_order_one_row_a_post_and_everything_agrees(
    calls: list[tuple[Came, list[Post]]],
) -> None:
    with closing(in_memory()) as archive:

        def ask(select: str, *values: Any) -> list[Any]:
            return archive.execute(select, values).fetchall()

        for came, batch in calls:
            store(archive, batch, came, NOW)
        stored = ask("SELECT channel_id, message_id FROM posts")
        assert sorted(stored) == sorted({post.key for _, batch in calls for post in batch})
        assert ask("SELECT count(*) FROM revisions") == ask("SELECT coalesce(sum(revision), 0) FROM posts")
        assert ask("SELECT count(*) FROM work") == ask("SELECT count(*) FROM revisions")
        assert not ask(
            "SELECT r.id FROM revisions r JOIN posts p ON p.id = r.post_id "
            "WHERE (r.text IS NULL) != (r.number = p.revision)"
        )
        edits: dict[tuple[int, int], str] = {}
        for came, batch in calls:
            for post in batch:
                if came != "import" and post.edited is not None:
                    edits[post.key] = max(edits.get(post.key, ""), iso(post.edited))
        for key, newest in edits.items():
            ((edited,),) = ask("SELECT edited FROM posts WHERE (channel_id, message_id) = (?, ?)", *key)
            assert edited >= newest, "a newer state was overwritten by an older one"
        assert verify_chain(archive) is None
        assert fts.check(archive)


def test_reactions_are_json_that_stock_tools_read(writer: Writer) -> None:
    writer.run_sync(store, [a_post(101, reactions={"🔥": 2})], "push", NOW)
    assert rows(writer, "SELECT json_extract(reactions, '$.\"🔥\"') FROM posts") == [(2,)]
    assert json.loads(rows(writer, "SELECT reactions FROM posts")[0][0]) == {"🔥": 2}
