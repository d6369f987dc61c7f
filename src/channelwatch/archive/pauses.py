"""Flood waits that must outlive a restart: per method of Telegram's, until when we may not ask."""

import sqlite3
from datetime import datetime

from channelwatch.clock import from_iso, iso


def pause(connection: sqlite3.Connection, method: str, until: datetime, reason: str) -> None:
    """Note that `method` must rest until then; a longer pause already noted stays."""
    row = connection.execute("SELECT until FROM pauses WHERE method = ?", (method,)).fetchone()
    if row is None or from_iso(row[0]) < until:
        connection.execute(
            """
            INSERT INTO pauses (method, until, reason) VALUES (?, ?, ?)
            ON CONFLICT (method) DO UPDATE SET until = excluded.until, reason = excluded.reason
            """,
            (method, iso(until), reason),
        )


def pauses(connection: sqlite3.Connection, now: datetime) -> dict[str, datetime]:
    """Return the pauses that still run: method → until."""
    rows = [(method, from_iso(until)) for method, until in connection.execute("SELECT method, until FROM pauses")]
    return {method: until for method, until in rows if until > now}
