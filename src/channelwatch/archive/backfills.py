"""Backfills: reading downwards from a channel's start, once, as far as the config says."""

import sqlite3
from datetime import datetime

import msgspec

from channelwatch.clock import from_iso, iso


class Backfill(msgspec.Struct, frozen=True):
    """One row of ``backfills``; everything in [reached, above] was read once."""

    channel_id: int
    above: int
    reached: int
    """Ask for history below this id next."""
    posts: int
    until: str
    """ISO time: posts older than this are not wanted."""
    most: int
    finished_at: str | None


def begin(connection: sqlite3.Connection, channel_id: int, start: int, until: datetime, most: int) -> bool:
    """Plan a channel's backfill: ids at or below `start`, not older than `until`, at most `most` posts.

    Return False when it was planned before; nothing changes then.
    """
    return (
        connection.execute(
            """
            INSERT INTO backfills (channel_id, above, reached, until, most) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (channel_id) DO NOTHING
            """,
            (channel_id, start, start + 1, iso(until), most),
        ).rowcount
        > 0
    )


def unfinished(connection: sqlite3.Connection) -> list[Backfill]:
    """Return the backfills of active channels that are not finished."""
    rows = connection.execute(
        """
        SELECT b.channel_id, b.above, b.reached, b.posts, b.until, b.most, b.finished_at
        FROM backfills b JOIN channels c ON c.id = b.channel_id AND c.state = 'active'
        WHERE b.finished_at IS NULL ORDER BY b.channel_id
        """
    )
    return [Backfill(*row) for row in rows]


def progress(
    connection: sqlite3.Connection, channel_id: int, reached: int, posts: int, now: datetime, *, finished: bool
) -> None:
    """Note that everything down to `reached` was read, `posts` more of it stored; `finished` ends the backfill."""
    connection.execute(
        """
        UPDATE backfills SET reached = min(reached, ?), posts = posts + ?, finished_at = ? WHERE channel_id = ?
        """,
        (reached, posts, iso(now) if finished else None, channel_id),
    )


def finished_since(connection: sqlite3.Connection, moment: datetime) -> int:
    """Return how many backfills were finished at or after a time."""
    rows = connection.execute("SELECT finished_at FROM backfills WHERE finished_at IS NOT NULL")
    return sum(from_iso(finished) >= moment for (finished,) in rows)
