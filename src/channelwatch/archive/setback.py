"""The machine's clock was set back: moments that rows wait for come nearer by as much.

Without it, an album's alert, a retry, a hole or a rule's beginning, written down while the clock ran a year ahead,
would be waited for until that year.
"""

import sqlite3
from datetime import datetime, timedelta

from channelwatch.clock import iso

_MOMENTS = (
    ("work", "queued_at"),
    ("work", "not_before"),
    ("deliveries", "next_attempt"),
    ("deliveries", "lease_until"),
    ("outlet_pauses", "until"),
    ("pauses", "until"),
    ("ranges", "next_ask"),
    ("channels", "next_sweep"),
    ("rules", "since"),
    ("rules", "until"),  # equal to the next version's beginning, and stays so
)


def move(connection: sqlite3.Connection, back: timedelta, now: datetime) -> int:
    """Take `back` off every moment that lies ahead of `now` and is waited for; return how many there were.

    What is history (when a post was stored, an alert raised) stays as it was written.
    """
    before = connection.total_changes
    for table, column in _MOMENTS:
        connection.execute(
            f"""
            UPDATE {table} SET {column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, ?)
            WHERE rtrim({column}, 'Z') > rtrim(?, 'Z')
            """,
            (f"-{back.total_seconds():.3f} seconds", iso(now)),
        )
    return connection.total_changes - before
