"""Work: the revisions that the filter pass has yet to look at, each with all that it needs to know of the post."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from channelwatch.clock import from_iso, iso
from channelwatch.post import Came, Entity

_RETRY = (10.0, 60.0, 600.0, 3600.0)
"""Seconds before work that failed is tried again; the last one for ever."""


class WorkItem(msgspec.Struct, frozen=True):
    """One revision to look at."""

    id: int
    post_id: int
    revision: int
    came: Came
    queued_at: datetime
    """When the revision reached us."""
    failures: int
    channel_id: int
    message_id: int
    channel: str
    """The channel as people know it: alias, else name, else title."""
    channel_name: str | None
    """Its public name, for the link."""
    text: str
    """This revision's text, even where a newer one is there already."""
    text_before: str | None
    """The text of the revision before it, or None for the first."""
    date: datetime
    stored_at: datetime
    edited: datetime | None
    album: int | None
    media: str | None
    reply_to: int | None
    forward_channel_id: int | None
    forward_message_id: int | None
    forward_name: str | None
    entities: tuple[Entity, ...]
    kind: str


_DUE = """
    SELECT w.id, w.post_id, w.revision, w.came, w.queued_at, w.failures, p.channel_id, p.message_id,
           coalesce(c.alias, c.name, c.title), c.name,
           CASE WHEN w.revision = p.revision THEN p.text
                ELSE (SELECT text FROM revisions r WHERE r.post_id = p.id AND r.number = w.revision) END,
           CASE WHEN w.revision > 1
                THEN (SELECT text FROM revisions r WHERE r.post_id = p.id AND r.number = w.revision - 1) END,
           p.date, p.stored_at, p.edited, p.album, p.media, p.reply_to,
           p.forward_channel_id, p.forward_message_id, p.forward_name, p.entities, p.kind
    FROM work w JOIN posts p ON p.id = w.post_id JOIN channels c ON c.id = p.channel_id
    WHERE w.not_before IS NULL OR rtrim(w.not_before, 'Z') <= rtrim(?, 'Z')
    ORDER BY w.came IN ('backfill', 'import'), w.id LIMIT ?
"""


def due(connection: sqlite3.Connection, now: datetime, limit: int = 500) -> list[WorkItem]:
    """Return the work that may be done now, in the order it came, but what may ring before what never does."""
    return [_item(row) for row in connection.execute(_DUE, (iso(now), limit))]


def _item(row: tuple[Any, ...]) -> WorkItem:
    values = dict(zip(WorkItem.__struct_fields__, row, strict=True))
    values["entities"] = msgspec.json.decode(values["entities"]) if values["entities"] else ()
    return msgspec.convert(values, WorkItem)


def next_due(connection: sqlite3.Connection) -> datetime | None:
    """Return when the earliest work that waits may be done, or None when no work is left."""
    row = connection.execute(
        "SELECT coalesce(not_before, queued_at) AS moment FROM work ORDER BY rtrim(moment, 'Z') LIMIT 1"
    ).fetchone()
    return None if row is None else from_iso(row[0])


def done(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Take finished work off the list."""
    connection.executemany("DELETE FROM work WHERE id = ?", [(rowid,) for rowid in ids])


def fail(connection: sqlite3.Connection, rowid: int, error: str, now: datetime) -> None:
    """Put work that failed off: to be tried again after 10 s, 1 min, 10 min, then every hour."""
    row = connection.execute("SELECT failures FROM work WHERE id = ?", (rowid,)).fetchone()
    if row is None:
        return
    later = now + timedelta(seconds=_RETRY[min(row[0], len(_RETRY) - 1)])
    connection.execute(
        "UPDATE work SET failures = failures + 1, error = ?, not_before = ? WHERE id = ?", (error, iso(later), rowid)
    )
