"""Rows that the service keeps about itself: job runs, outages, when it was last alive.

Functions take the writer's connection and never commit.
"""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from channelwatch.archive import setback
from channelwatch.clock import from_iso, iso

ALIVE_EVERY = 30.0
"""Seconds between notes that the daemon lives; an outage is known to this."""


def note_start(connection: sqlite3.Connection, now: datetime) -> timedelta | None:
    """Note that the daemon starts: the time since it was last alive becomes an outage. Return how long it was.

    What jobs failed in an earlier run is forgotten.

    Returns None at the very first start. A clock that was set back meanwhile is seen to, as `note_alive` does.
    """
    row = connection.execute("SELECT value FROM settings WHERE name = 'alive'").fetchone()
    clean = connection.execute("DELETE FROM settings WHERE name = 'stopped'").rowcount > 0
    connection.execute("UPDATE outages SET until = ? WHERE until IS NULL", (iso(now),))
    connection.execute("UPDATE job_runs SET failures = 0, error = NULL")
    note_alive(connection, now)
    if row is None:
        return None
    since = min(now, from_iso(row[0]))
    connection.execute(
        "INSERT INTO outages (what, since, until, reason) VALUES ('daemon', ?, ?, ?)",
        (iso(since), iso(now), "stopped" if clean else "died"),
    )
    return now - since


def note_alive(connection: sqlite3.Connection, now: datetime) -> bool:
    """Note that the daemon lives; return whether the clock was set back since it was last noted.

    Then the moments that rows wait for were moved as far back as the clock (less `ALIVE_EVERY` at most); rules in
    memory must be read again.
    """
    row = connection.execute("SELECT value FROM settings WHERE name = 'alive'").fetchone()
    back = from_iso(row[0]) - now if row is not None else timedelta()
    if back > timedelta(seconds=1):
        setback.move(connection, back, now)
    connection.execute(
        """
        INSERT INTO settings (name, value) VALUES ('alive', ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        (iso(now),),
    )
    return back > timedelta(seconds=1)


def note_stop(connection: sqlite3.Connection, now: datetime) -> None:
    """Note that the daemon leaves as it was asked to."""
    note_alive(connection, now)
    connection.execute("INSERT OR IGNORE INTO settings (name, value) VALUES ('stopped', ?)", (iso(now),))


def open_outage(connection: sqlite3.Connection, what: str, reason: str, now: datetime) -> None:
    """Note that something stopped working; nothing changes when that is known already."""
    known = connection.execute("SELECT 1 FROM outages WHERE what = ? AND until IS NULL", (what,)).fetchone()
    if known is None:
        connection.execute("INSERT INTO outages (what, since, reason) VALUES (?, ?, ?)", (what, iso(now), reason))


def close_outage(connection: sqlite3.Connection, what: str, now: datetime) -> None:
    """Note that it works again."""
    connection.execute("UPDATE outages SET until = ? WHERE what = ? AND until IS NULL", (iso(now), what))


def note_jobs(
    connection: sqlite3.Connection,
    runs: Iterable[tuple[str, datetime | None, datetime | None, int, int, str | None]],
) -> None:
    """Write (job, last start, last success, runs, failures in a row, last error) for each job."""
    connection.executemany(
        """
        INSERT INTO job_runs (job, last_start, last_success, runs, failures, error) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (job) DO UPDATE SET last_start = excluded.last_start, runs = excluded.runs,
            last_success = coalesce(excluded.last_success, last_success),
            failures = excluded.failures, error = excluded.error
        """,
        [
            (job, started and iso(started), success and iso(success), count, failures, error)
            for job, started, success, count, failures, error in runs
        ],
    )
