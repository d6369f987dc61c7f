"""Rows that the service keeps about itself: job runs, outages, when it was last alive.

Functions take the writer's connection and never commit.
"""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from channelwatch.clock import from_iso, iso

ALIVE_EVERY = 30.0
"""Seconds between notes that the daemon lives; an outage is known to this."""


def note_start(connection: sqlite3.Connection, now: datetime) -> timedelta | None:
    """Note that the daemon starts: the time since it was last alive becomes an outage. Return how long it was.

    Returns None at the very first start.
    """
    row = connection.execute("SELECT value FROM settings WHERE name = 'alive'").fetchone()
    clean = connection.execute("DELETE FROM settings WHERE name = 'stopped'").rowcount > 0
    connection.execute("UPDATE outages SET until = ? WHERE until IS NULL", (iso(now),))
    note_alive(connection, now)
    if row is None:
        return None
    connection.execute(
        "INSERT INTO outages (what, since, until, reason) VALUES ('daemon', ?, ?, ?)",
        (row[0], iso(now), "stopped" if clean else "died"),
    )
    return now - from_iso(row[0])


def note_alive(connection: sqlite3.Connection, now: datetime) -> None:
    """Note that the daemon lives."""
    connection.execute(
        """
        INSERT INTO settings (name, value) VALUES ('alive', ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        (iso(now),),
    )


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
