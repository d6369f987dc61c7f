"""The ledger: which ids of a channel are accounted for, and by what.

Over the ids in (start, mark] of every watched channel, and after every function here::

    stored + open + empty + quarantined + purged = mark - start

It holds by construction: `advance` turns each id that is not stored into an open hole, `take_out` removes an id
from its range when its post is stored, and everything else only changes the state of pieces of ranges.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from channelwatch.clock import from_iso, iso
from channelwatch.intake.holes import next_ask
from channelwatch.intake.ledger import runs

RangeState = Literal["open", "empty", "quarantined", "purged"]


class Hole(msgspec.Struct, frozen=True):
    """A run of ids that a sweep did not see and that are to be asked again."""

    id: int
    channel_id: int
    first: int
    last: int
    asks: int
    """How often it was asked so far."""
    since: datetime
    """When the sweep skipped it."""
    newer: datetime | None
    """When the next newer post that we have was published; the longer ago, the less likely the ids are merely late."""


class ChannelLedger(msgspec.Struct, frozen=True):
    """One channel's account."""

    channel_id: int
    channel: str
    start: int
    mark: int
    top: int | None
    stored: int
    certified_empty: int
    quarantined: int
    purged: int
    open_holes: int

    @property
    def holds(self) -> bool:
        """Tell whether every id in (start, mark] is accounted for exactly once."""
        parts = self.stored + self.certified_empty + self.quarantined + self.purged + self.open_holes
        return parts == self.mark - self.start


def begin(connection: sqlite3.Connection, channel_id: int, start: int, now: datetime) -> bool:
    """Start the promise: it covers ids above `start`. Return False when the channel was already watched."""
    changed = connection.execute(
        """
        UPDATE channels SET start = ?1, mark = ?1, top = ?1, dirty = 0, last_sweep = ?2 WHERE id = ?3 AND start IS NULL
        """,
        (start, iso(now), channel_id),
    )
    return changed.rowcount > 0


def advance(
    connection: sqlite3.Connection, channel_id: int, mark: int, now: datetime, *, top: int | None = None
) -> list[tuple[int, int]]:
    """Move the mark up to `mark`, after the page's posts were stored in the same transaction.

    Each id that the mark passes and that is not stored (by this page or by an earlier push) becomes an open hole,
    due as `intake.holes` says. `top` is the newest id that the answer revealed. Return the new holes. A mark at or
    below the present one moves nothing.
    """
    row = connection.execute("SELECT mark FROM channels WHERE id = ? AND mark IS NOT NULL", (channel_id,)).fetchone()
    if row is None:
        raise ValueError(f"channel {channel_id} is not watched yet: begin() first")
    old = int(row[0])
    connection.execute(
        "UPDATE channels SET mark = max(mark, ?1), top = max(coalesce(top, 0), ?1, coalesce(?2, 0)) WHERE id = ?3",
        (mark, top, channel_id),
    )
    if mark <= old:
        return []
    stored = dict(
        connection.execute(
            """
            SELECT message_id, date FROM posts WHERE channel_id = ? AND message_id > ? AND message_id <= ?
            ORDER BY message_id
            """,
            (channel_id, old, mark),
        )
    )
    skipped = list(_gaps(old + 1, mark, stored))
    for first, last in skipped:
        newer = stored.get(last + 1)
        age = (now - from_iso(newer)).total_seconds() if newer else 0.0
        connection.execute(
            "INSERT INTO ranges (channel_id, first, last, state, next_ask, since) VALUES (?, ?, ?, 'open', ?, ?)",
            (channel_id, first, last, iso(now + timedelta(seconds=next_ask(0, age) or 0.0)), iso(now)),
        )
    return skipped


def swept(
    connection: sqlite3.Connection, channel_id: int, now: datetime, next_sweep: datetime | None, *, dirty: bool
) -> None:
    """Note that a sweep succeeded, when the next is due, and whether there is reason to go on at once."""
    connection.execute(
        "UPDATE channels SET last_sweep = ?, next_sweep = ?, dirty = ? WHERE id = ?",
        (iso(now), iso(next_sweep) if next_sweep else None, dirty, channel_id),
    )


def take_out(connection: sqlite3.Connection, channel_id: int, ids: Sequence[int]) -> None:
    """Remove ids from whatever ranges hold them, because their posts are stored now; `posts.store` calls it."""
    for first, last in runs(ids):
        _carve(connection, channel_id, first, last, ("open", "empty", "quarantined", "purged"))


def certify(connection: sqlite3.Connection, channel_id: int, ids: Iterable[int], now: datetime) -> None:
    """Declare holes (or quarantined ids) empty for good; ids that are no holes are left alone."""
    for first, last in runs(ids):
        for a, b, _ in _carve(connection, channel_id, first, last, ("open", "quarantined")):
            _lay_empty(connection, channel_id, a, b, now)


def quarantine(connection: sqlite3.Connection, channel_id: int, ids: Iterable[int], error: str, now: datetime) -> None:
    """Set holes aside that hold a message we can't read; ids that are no open holes are left alone."""
    for first, last in runs(ids):
        connection.executemany(
            "INSERT INTO ranges (channel_id, first, last, state, error, since) VALUES (?, ?, ?, 'quarantined', ?, ?)",
            [(channel_id, a, b, error, iso(now)) for a, b, _ in _carve(connection, channel_id, first, last, ("open",))],
        )


def reopen_quarantined(connection: sqlite3.Connection, reader: str, now: datetime) -> int:
    """Ask again for what could not be read, once whatever reads messages was upgraded; return how many ranges.

    `reader` names the versions of what reads them; nothing happens while it is the same as last time.
    """
    row = connection.execute("SELECT value FROM settings WHERE name = 'reader'").fetchone()
    if row is not None and row[0] == reader:
        return 0
    connection.execute(
        """
        INSERT INTO settings (name, value) VALUES ('reader', ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        (reader,),
    )
    return connection.execute(
        "UPDATE ranges SET state = 'open', asks = 0, next_ask = ?, error = NULL WHERE state = 'quarantined'",
        (iso(now),),
    ).rowcount


def due_holes(connection: sqlite3.Connection, now: datetime, limit: int) -> list[Hole]:
    """Return the open holes of active channels whose next ask has come, the longest due first."""
    rows = connection.execute(
        """
        SELECT r.id, r.channel_id, r.first, r.last, r.asks, r.since,
               (SELECT p.date FROM posts p WHERE p.channel_id = r.channel_id AND p.message_id > r.last
                ORDER BY p.message_id LIMIT 1)
        FROM ranges r
        JOIN channels c ON c.id = r.channel_id AND c.state = 'active'
        WHERE r.state = 'open' AND rtrim(r.next_ask, 'Z') <= rtrim(?, 'Z') ORDER BY r.next_ask, r.id LIMIT ?
        """,
        (iso(now), limit),
    )
    return [msgspec.convert(dict(zip(Hole.__struct_fields__, row, strict=True)), Hole) for row in rows]


def ask_again(connection: sqlite3.Connection, channel_id: int, ids: Iterable[int], asks: int, moment: datetime) -> None:
    """Keep holes open after an ask that did not settle them: `asks` so far, the next one at `moment`."""
    for first, last in runs(ids):
        for a, b, since in _carve(connection, channel_id, first, last, ("open",)):
            connection.execute(
                """
                INSERT INTO ranges (channel_id, first, last, state, asks, next_ask, since)
                VALUES (?, ?, ?, 'open', ?, ?, ?)
                """,
                (channel_id, a, b, asks, iso(moment), since),
            )


def balance(connection: sqlite3.Connection) -> list[ChannelLedger]:
    """Return every watched channel's account, by name; `holds` says whether the equation does."""
    return [
        ChannelLedger(*row)
        for row in connection.execute(
            """
            SELECT channel_id, channel, start, mark, top, stored, certified_empty, quarantined, purged, open_holes
            FROM ledger ORDER BY channel
            """
        )
    ]


def _gaps(first: int, last: int, present: Iterable[int]) -> Iterator[tuple[int, int]]:
    for number in present:
        if number > first:
            yield first, number - 1
        first = number + 1
    if first <= last:
        yield first, last


def _overlapping(
    connection: sqlite3.Connection, channel_id: int, first: int, last: int, states: Sequence[RangeState]
) -> list[tuple[int, int, int, str]]:
    """Return (id, first, last, since) of the ranges of these states that hold ids of [first, last].

    Ranges of a channel never overlap, so all but one begin inside; that one is the last to begin before.
    """
    return connection.execute(
        f"""
        SELECT id, first, last, since FROM ranges INDEXED BY ranges_place
        WHERE channel_id = ?1 AND first BETWEEN
              coalesce((SELECT max(first) FROM ranges WHERE channel_id = ?1 AND first < ?2), ?2) AND ?3
          AND last >= ?2 AND state IN ({", ".join(f"?{n}" for n in range(4, 4 + len(states)))})
        """,
        (channel_id, first, last, *states),
    ).fetchall()


def _carve(
    connection: sqlite3.Connection, channel_id: int, first: int, last: int, states: Sequence[RangeState]
) -> list[tuple[int, int, str]]:
    """Cut [first, last] out of the ranges of these states, keeping what sticks out.

    Return the pieces cut out, each with its range's `since`.
    """
    ranges = _overlapping(connection, channel_id, first, last, states)
    for rowid, a, b, _ in ranges:
        if b > last:
            connection.execute(
                """
                INSERT INTO ranges (channel_id, first, last, state, asks, next_ask, error, since)
                SELECT channel_id, ?, last, state, asks, next_ask, error, since FROM ranges WHERE id = ?
                """,
                (last + 1, rowid),
            )
        if a < first:
            connection.execute("UPDATE ranges SET last = ? WHERE id = ?", (first - 1, rowid))
        else:
            connection.execute("DELETE FROM ranges WHERE id = ?", (rowid,))
    return [(max(a, first), min(b, last), since) for _, a, b, since in ranges]


def _lay_empty(connection: sqlite3.Connection, channel_id: int, first: int, last: int, now: datetime) -> None:
    """Add an empty range, joined with the empty ranges that touch it."""
    for rowid, a, b, _ in _overlapping(connection, channel_id, first - 1, last + 1, ("empty",)):
        connection.execute("DELETE FROM ranges WHERE id = ?", (rowid,))
        first, last = min(first, a), max(last, b)
    connection.execute(
        "INSERT INTO ranges (channel_id, first, last, state, since) VALUES (?, ?, ?, 'empty', ?)",
        (channel_id, first, last, iso(now)),
    )
