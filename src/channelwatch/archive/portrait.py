"""Everything the archive knows of one post: what `show` prints."""

import re
import sqlite3
from datetime import datetime
from typing import Any

import msgspec

from channelwatch.archive import channels
from channelwatch.post import Came, post_url

_URL = re.compile(r"(?:https?://)?(?:www\.)?(?:t|telegram)\.me/(?:s/)?(c/\d+|[^/]+)/(\d+)(?:[/?#].*)?", re.IGNORECASE)
_PAIR = re.compile(r"@?([^/\s]+)/(\d+)")


class Revision(msgspec.Struct, frozen=True):
    """One text that the post had."""

    number: int
    text: str
    came: Came
    first_seen: datetime
    last_seen: datetime
    hash: str


class MatchShown(msgspec.Struct, frozen=True):
    """A rule that a revision met."""

    rule: str
    revision: int
    query: str
    spans: tuple[tuple[int, int, str], ...]
    matched_at: datetime


class MentionShown(msgspec.Struct, frozen=True):
    """A place that a revision speaks of."""

    revision: int
    start: int
    end: int
    text: str
    place: str
    region: str
    strength: str
    reasons: tuple[str, ...]


class Portrait(msgspec.Struct, frozen=True):
    """A post with its revisions, matches and places."""

    id: int
    channel: str
    channel_id: int
    message_id: int
    url: str
    date: datetime
    text: str
    kind: str
    edited: datetime | None
    views: int | None
    forwards: int | None
    replies: int | None
    reactions: dict[str, int]
    forward: str | None
    """Where it was forwarded from."""
    reply_to: int | None
    album: int | None
    media: str | None
    media_id: int | None
    entities: tuple[dict[str, Any], ...]
    author: str | None
    came: Came
    stored_at: datetime
    last_seen: datetime
    missing_since: datetime | None
    """First found missing: it was deleted between `last_seen` and this."""
    revisions: tuple[Revision, ...]
    matches: tuple[MatchShown, ...]
    mentions: tuple[MentionShown, ...]


def find(connection: sqlite3.Connection, written: str) -> int | None:
    """Return ``posts.id`` of what a person names: a link, ``name/123`` or that very id; None when we don't have it."""
    text = written.strip()
    if text.isdecimal():
        row = connection.execute("SELECT id FROM posts WHERE id = ?", (min(int(text), 2**63 - 1),)).fetchone()
        return None if row is None else int(row[0])
    named = _URL.fullmatch(text) or _PAIR.fullmatch(text)
    if named is None:
        return None
    label = named[1]
    who = f"-100{label[2:]}" if label.startswith("c/") else label
    channel = channels.find(connection, who)
    if channel is None:
        return None
    row = connection.execute(
        "SELECT id FROM posts WHERE channel_id = ? AND message_id = ?", (channel.id, min(int(named[2]), 2**63 - 1))
    ).fetchone()
    return None if row is None else int(row[0])


def portrait(connection: sqlite3.Connection, rowid: int) -> Portrait | None:
    """Return everything about the post with this ``posts.id``, or None."""
    cursor = connection.execute("SELECT * FROM posts WHERE id = ?", (rowid,))
    row = cursor.fetchone()
    if row is None:
        return None
    post = dict(zip((column[0] for column in cursor.description), row, strict=True))
    channel = channels.get(connection, post["channel_id"])
    assert channel is not None  # noqa: S101 - a foreign key
    values = {
        **post,
        "channel": channel.label,
        "url": post_url(channel.name, channel.id, post["message_id"]),
        "reactions": msgspec.json.decode(post["reactions"] or "{}"),
        "entities": msgspec.json.decode(post["entities"] or "[]"),
        "forward": _forward(connection, post),
        "revisions": _rows(
            connection,
            Revision,
            "SELECT number, text, came, first_seen, last_seen, hash FROM readable_revisions WHERE post_id = ? "
            "ORDER BY number",
            rowid,
        ),
        "matches": _rows(
            connection,
            MatchShown,
            "SELECT r.name, m.revision, r.query, m.spans, m.matched_at FROM matches m JOIN rules r ON r.id = m.rule_id "
            "WHERE m.post_id = ? ORDER BY m.revision, r.name",
            rowid,
            unpack="spans",
        ),
        "mentions": _rows(
            connection,
            MentionShown,
            "SELECT revision, start, end, text, place, region, strength, reasons FROM mentions WHERE post_id = ? "
            "ORDER BY revision, start",
            rowid,
            unpack="reasons",
        ),
    }
    return msgspec.convert(values, Portrait)


def _rows(
    connection: sqlite3.Connection, kind: type[msgspec.Struct], select: str, rowid: int, unpack: str | None = None
) -> list[dict[str, Any]]:
    found = []
    for row in connection.execute(select, (rowid,)):
        values = dict(zip(kind.__struct_fields__, row, strict=True))
        if unpack is not None:
            values[unpack] = msgspec.json.decode(values[unpack])
        found.append(values)
    return found


def _forward(connection: sqlite3.Connection, post: dict[str, Any]) -> str | None:
    channel_id, message_id, name = post["forward_channel_id"], post["forward_message_id"], post["forward_name"]
    if channel_id is None:
        return None if name is None else str(name)
    known = channels.get(connection, channel_id)
    if message_id is None:
        return known.label if known else f"channel {channel_id}"
    return post_url(known.name if known else None, channel_id, message_id)
