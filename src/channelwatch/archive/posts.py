"""Posts and their revisions: stored once, kept in every text they had, chained by hash."""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from channelwatch.archive import fts, ledger
from channelwatch.clock import from_iso, iso
from channelwatch.post import Came, Post
from channelwatch.text.words import index_words

ALBUM_WAIT = timedelta(seconds=1)
"""How long the work row of an album's part waits for the other parts."""

GENESIS = "0" * 64
"""The hash before the first revision of an archive."""

_COLUMNS = (
    "text, kind, edited, views, forwards, replies, reactions, forward_channel_id, forward_message_id, forward_name, "
    "forward_date, reply_to, album, media, media_id, entities, author"
)
_COUNT = len(_COLUMNS.split(","))
_ADD_POST = (
    f"INSERT INTO posts (id, channel_id, message_id, date, {_COLUMNS}, came, stored_at, last_seen) "
    f"VALUES ({','.join('?' * (_COUNT + 7))})"
)
_COUNTERS = ("views", "forwards", "replies")  # absent in some updates; the last number we know stays
_CHANGE_POST = (
    "UPDATE posts SET "
    + ", ".join(f"{c} = coalesce(?, {c})" if c in _COUNTERS else f"{c} = ?" for c in _COLUMNS.split(", "))
    + ", revision = ?, last_seen = ?, missing_since = NULL WHERE id = ?"
)
_ADD_REVISION = (
    "INSERT INTO revisions (post_id, number, raw, hash, came, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ADD_WORK = "INSERT INTO work (post_id, revision, came, queued_at, not_before) VALUES (?, ?, ?, ?, ?)"
_KNOWN = """
    SELECT message_id, id, revision, text, edited, came FROM posts
    WHERE channel_id = ? AND message_id IN (SELECT value FROM json_each(?))
"""
_LAST_IDS = """
    SELECT s.value, (SELECT max(id) FROM posts WHERE id >= s.value << 20 AND id < (s.value + 1) << 20)
    FROM json_each(?) s
"""
_ZLIB_LEVEL = 1
"""Measured on real posts: level 6 takes a fifth more CPU time and saves 15 bytes in 1,000."""
_encode = msgspec.json.Encoder().encode


class Stored(msgspec.Struct, frozen=True):
    """What `store` did, as ``posts.id`` each."""

    new: list[int] = []
    revised: list[int] = []
    """Known posts that got a new revision."""
    seen: list[int] = []
    """Known posts whose text is unchanged."""


class _Known(msgspec.Struct):
    id: int
    revision: int
    text: str
    edited: str | None
    came: str


def store(connection: sqlite3.Connection, posts: Iterable[Post], came: Came, now: datetime) -> Stored:
    """Store posts of any channels: insert the new, revise the edited, freshen the rest.

    A new post and a changed text make a revision and a work row; counters, reactions and markup change without
    one. A state older than the stored one (by edit date) only proves that the post is alive; an import never
    changes what Telegram itself told, and what was imported before Telegram told it live is looked at again as live.
    A new post at or below its channel's mark leaves its hole, so that the ledger's equation holds. The channels must
    exist. Repeating a call changes nothing but the times seen.
    """
    batch: dict[tuple[int, int], Post] = {}
    again: list[Post] = []
    for post in posts:
        if batch.setdefault(post.key, post) is not post:
            again.append(post)
    known = _known(connection, batch)
    new = [post for post in batch.values() if post.key not in known]
    stored = Stored()
    if new:
        stored.new.extend(_insert(connection, new, came, iso(now), iso(now + ALBUM_WAIT)))
    for post in batch.values():
        if (row := known.get(post.key)) is not None:
            (stored.revised if _freshen(connection, row, post, came, now) else stored.seen).append(row.id)
    if again:  # the same post twice in one batch: a second round, in the order given
        second = store(connection, again, came, now)
        stored.revised.extend(second.revised)
        stored.seen.extend(second.seen)
    return stored


def mark_deleted(connection: sqlite3.Connection, channel_id: int, ids: Iterable[int], now: datetime) -> int:
    """Note that posts were found missing at `now`; return how many were news.

    A post stays in the archive; it was deleted between its ``last_seen`` and ``missing_since``.
    """
    moment = iso(now)
    rows = [(moment, channel_id, message_id) for message_id in ids]
    return connection.executemany(
        "UPDATE posts SET missing_since = ? WHERE channel_id = ? AND message_id = ? AND missing_since IS NULL", rows
    ).rowcount


def verify_chain(connection: sqlite3.Connection) -> int | None:
    """Compute every revision's hash anew; return the id of the first that doesn't fit, or None when all do."""
    before = GENESIS
    earlier: dict[int, list[int]] = {}
    for old, channel_id in connection.execute("SELECT old_id, channel_id FROM merged_channels"):
        earlier.setdefault(channel_id, []).append(old)
    rows = connection.execute(
        """
        SELECT r.id, p.channel_id, p.message_id, r.number, r.came, r.first_seen, coalesce(r.text, p.text), r.raw, r.hash
        FROM revisions r JOIN posts p ON p.id = r.post_id ORDER BY r.id
        """
    )
    for revision, channel_id, message_id, number, came, first_seen, text, raw, kept in rows:
        try:
            plain = zlib.decompress(raw) if raw else b""
        except zlib.error:
            return int(revision)
        ids = (channel_id, *earlier.get(channel_id, ()))  # an imported post keeps the hash of its first channel id
        digests = (_digest((i, message_id), number, came, first_seen, (text, plain)) for i in ids)
        if kept not in (_linked(before, digest) for digest in digests):
            return int(revision)
        before = kept
    return None


def _known(connection: sqlite3.Connection, batch: dict[tuple[int, int], Post]) -> dict[tuple[int, int], _Known]:
    by_channel: dict[int, list[int]] = {}
    for channel_id, message_id in batch:
        by_channel.setdefault(channel_id, []).append(message_id)
    return {
        (channel_id, message_id): _Known(*row)
        for channel_id, ids in by_channel.items()
        for message_id, *row in connection.execute(_KNOWN, (channel_id, _encode(ids).decode()))
    }


def _insert(connection: sqlite3.Connection, posts: list[Post], came: Came, moment: str, album_moment: str) -> list[int]:
    ids = _allocate(connection, posts)
    rows = sorted(zip(ids, posts, strict=True), key=lambda row: row[0])  # FTS5 wants ascending rowids
    before = _last_hash(connection)
    revisions = []
    for rowid, post in rows:
        before = _linked(before, _digest(post.key, 1, came, moment, (post.text, post.raw)))
        raw = zlib.compress(post.raw, _ZLIB_LEVEL) if post.raw else None
        revisions.append((rowid, 1, raw, before, came, moment, moment))
    connection.executemany(
        _ADD_POST,
        [
            (rowid, post.channel_id, post.message_id, iso(post.date), *_columns(post), came, moment, moment)
            for rowid, post in rows
        ],
    )
    connection.executemany(_ADD_REVISION, revisions)
    connection.executemany(
        _ADD_WORK, [(rowid, 1, came, moment, album_moment if post.album else None) for rowid, post in rows]
    )
    fts.feed(connection, [(rowid, index_words(post.text)) for rowid, post in rows])
    by_channel: dict[int, list[int]] = {}
    for post in posts:
        by_channel.setdefault(post.channel_id, []).append(post.message_id)
    for channel_id, message_ids in by_channel.items():
        ledger.take_out(connection, channel_id, message_ids)
    return ids


def _freshen(connection: sqlite3.Connection, known: _Known, post: Post, came: Came, now: datetime) -> bool:
    """Bring a known post up to date; return True when its text changed."""
    moment = iso(now)
    if came == "import" and known.came != "import":
        return False
    older = known.edited is not None and (post.edited is None or post.edited < from_iso(known.edited))
    revised = not older and post.text != known.text
    waits = iso(now + ALBUM_WAIT) if post.album else None
    if known.came == "import" and came != "import":  # from now on Telegram's own
        connection.execute("UPDATE posts SET came = ? WHERE id = ?", (came, known.id))
        if came != "backfill" and not revised:
            # As news it was never looked at. A new row, because a pass may be at the old one just now.
            connection.execute("DELETE FROM work WHERE post_id = ? AND revision = ?", (known.id, known.revision))
            connection.execute(_ADD_WORK, (known.id, known.revision, came, moment, waits))
    if older:
        connection.execute("UPDATE posts SET last_seen = ?, missing_since = NULL WHERE id = ?", (moment, known.id))
        return False
    if revised:
        connection.execute(
            """
            UPDATE revisions SET text = ?, last_seen = (SELECT last_seen FROM posts WHERE id = post_id)
            WHERE post_id = ? AND number = ?
            """,
            (known.text, known.id, known.revision),
        )
        fts.replace(connection, known.id, known.text, post.text)
        number = known.revision + 1
        digest = _linked(_last_hash(connection), _digest(post.key, number, came, moment, (post.text, post.raw)))
        raw = zlib.compress(post.raw, _ZLIB_LEVEL) if post.raw else None
        connection.execute(_ADD_REVISION, (known.id, number, raw, digest, came, moment, moment))
        connection.execute(_ADD_WORK, (known.id, number, came, moment, waits))
    connection.execute(_CHANGE_POST, (*_columns(post), known.revision + revised, moment, known.id))
    return revised


def _columns(post: Post) -> tuple[Any, ...]:
    """Return the values of _COLUMNS, in order."""
    forward = post.forward
    return (
        post.text,
        post.kind,
        iso(post.edited) if post.edited else None,
        post.views,
        post.forwards,
        post.replies,
        _encode(post.reactions).decode() if post.reactions else None,
        forward.channel_id if forward else None,
        forward.message_id if forward else None,
        forward.name if forward else None,
        iso(forward.date) if forward and forward.date else None,
        post.reply_to,
        post.album,
        post.media,
        post.media_id,
        _encode(post.entities).decode() if post.entities else None,
        post.author,
    )


def _allocate(connection: sqlite3.Connection, posts: list[Post]) -> list[int]:
    """Give each post the next free id of its second; a second that is full borrows from the next."""
    seconds = [int(post.date.timestamp()) for post in posts]
    last: dict[int, int | None] = dict(connection.execute(_LAST_IDS, (_encode(sorted(set(seconds))).decode(),)))
    ids = []
    for wanted in seconds:
        second, rowid = wanted, None
        while rowid is None:
            if second not in last:
                last.update(connection.execute(_LAST_IDS, (f"[{second}]",)))
            taken = last[second]
            rowid = second << 20 if taken is None else taken + 1
            if rowid >> 20 != second:
                second, rowid = second + 1, None
        last[second] = rowid
        ids.append(rowid)
    return ids


def _last_hash(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT hash FROM revisions ORDER BY id DESC LIMIT 1").fetchone()
    return str(row[0]) if row else GENESIS


def _digest(key: tuple[int, int], number: int, came: str, first_seen: str, content: tuple[str, bytes]) -> bytes:
    """Return the SHA-256 of a revision itself; `content` is its text and its raw bytes."""
    text, raw = content
    own = hashlib.sha256(f"{key[0]} {key[1]} {number} {came} {first_seen} {len(raw)}\n".encode())
    own.update(raw)
    own.update(text.encode())
    return own.digest()


def _linked(before: str, digest: bytes) -> str:
    """Chain a revision's digest to the hash before it.

    In two steps, so that a revision that must be purged can leave its digest and the chain still verifies.
    """
    return hashlib.sha256(before.encode() + digest).hexdigest()
