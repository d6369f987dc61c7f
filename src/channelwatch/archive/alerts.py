"""Alerts as rows: how they are written, and the list that people and programs read.

Functions that write take the writer's connection and never commit.
"""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from channelwatch.clock import iso
from channelwatch.config.model import Severity
from channelwatch.post import post_url

State = Literal["ringing", "quiet"]
_STRENGTHS = ("region", "district", "settlement", "homonym", "weak")


class Raised(msgspec.Struct, frozen=True):
    """The alert that a post, or another part of its album, already has."""

    id: int
    state: State
    severity: Severity
    outlets: frozenset[str]
    """Where it rang; empty while it is quiet."""


class DeliveryShown(msgspec.Struct, frozen=True):
    """One delivery in the list of alerts; a message in parts has one each."""

    id: int
    outlet: str
    part: int
    state: str
    attempts: int
    remote_id: str | None
    sent_at: str | None
    error: str | None
    """Why it was not sent, or is not yet; while its outlet is at fault, that."""
    reason: str
    """The alert's reason, and whether this copy may have come twice."""


class AlertShown(msgspec.Struct, frozen=True):
    """One alert in the list."""

    id: int
    rule: str
    """Names of all rules that matched, joined by ``, ``."""
    rules: tuple[str, ...]
    channel: str
    message_id: int
    url: str
    places: tuple[str, ...]
    regions: tuple[str, ...]
    """ISO 3166-2 codes."""
    severity: str
    state: str
    reason: str
    raised_at: str
    deliveries: tuple[DeliveryShown, ...]


def raised(connection: sqlite3.Connection, post: int, channel_id: int, album: int | None) -> Raised | None:
    """Return the alert of this post, or of any part of its album (the one that rang first), or None."""
    parts = "SELECT id FROM posts WHERE channel_id = ? AND album = ?" if album is not None else "?"
    row = connection.execute(
        f"""
        SELECT id, state, severity FROM alerts WHERE post_id IN ({parts})
        ORDER BY state = 'ringing' DESC, id LIMIT 1
        """,
        (channel_id, album) if album is not None else (post,),
    ).fetchone()
    if row is None:
        return None
    outlets = connection.execute("SELECT DISTINCT outlet FROM deliveries WHERE alert_id = ?", (row[0],))
    return Raised(row[0], row[1], row[2], frozenset(outlet for (outlet,) in outlets))


def add(connection: sqlite3.Connection, *, post: int, severity: str, state: State, reason: str, now: datetime) -> int:
    """Add the alert of a post that has none and return its id."""
    (alert,) = connection.execute(
        "INSERT INTO alerts (post_id, severity, state, reason, raised_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (post, severity, state, reason, iso(now)),
    ).fetchone()
    return int(alert)


def ring(connection: sqlite3.Connection, alert: int, *, severity: str, reason: str, now: datetime) -> None:
    """Let a quiet alert ring from now on, or one that rings tell more."""
    connection.execute(
        "UPDATE alerts SET state = 'ringing', severity = ?, reason = ?, raised_at = ? WHERE id = ?",
        (severity, reason, iso(now), alert),
    )


def link(connection: sqlite3.Connection, alert: int, matches: Iterable[int]) -> None:
    """Say which matches an alert tells of."""
    connection.executemany(
        "INSERT INTO alert_matches (alert_id, match_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(alert, match) for match in matches],
    )


def album_size(connection: sqlite3.Connection, channel_id: int, album: int | None) -> int:
    """Return how many parts of an album are stored; 1 for a post that is in none."""
    if album is None:
        return 1
    query = "SELECT count(*) FROM posts WHERE channel_id = ? AND album = ?"
    return int(connection.execute(query, (channel_id, album)).fetchone()[0])


def listed(
    connection: sqlite3.Connection,
    *,
    limit: int | None = None,
    state: State | None = None,
    since: datetime | None = None,
) -> list[AlertShown]:
    """Return alerts with their deliveries, newest first; `since` is inclusive and compares ``raised_at``."""
    rows = connection.execute(
        """
        SELECT a.id, a.severity, a.state, a.reason, a.raised_at, p.message_id, c.id, c.name,
               coalesce(c.alias, c.name, c.title)
        FROM alerts a JOIN posts p ON p.id = a.post_id JOIN channels c ON c.id = p.channel_id
        WHERE (?1 IS NULL OR a.state = ?1) AND (?2 IS NULL OR julianday(a.raised_at) >= julianday(?2))
        ORDER BY a.id DESC LIMIT ?3
        """,
        (state, iso(since) if since else None, -1 if limit is None else limit),
    ).fetchall()
    return [_shown(connection, *row) for row in rows]


def _shown(connection: sqlite3.Connection, alert: int, *row: Any) -> AlertShown:
    severity, state, reason, raised_at, message_id, channel_id, name, channel = row
    rules = connection.execute(
        """
        SELECT DISTINCT r.name
        FROM alert_matches am JOIN matches m ON m.id = am.match_id JOIN rules r ON r.id = m.rule_id
        WHERE am.alert_id = ? ORDER BY r.id
        """,
        (alert,),
    )
    names = tuple(name for (name,) in rules)
    places, regions = places_of(connection, alert)
    deliveries = connection.execute(
        """
        SELECT id, outlet, part, state, attempts, remote_id, sent_at,
               coalesce(error, (SELECT p.reason FROM outlet_pauses p
                                WHERE p.outlet = d.outlet AND p.refusals AND d.state = 'due')), ambiguous
        FROM deliveries d WHERE alert_id = ? ORDER BY outlet, part
        """,
        (alert,),
    )
    return AlertShown(
        id=alert,
        rule=", ".join(names),
        rules=names,
        channel=channel,
        message_id=message_id,
        url=post_url(name, channel_id, message_id),
        places=places,
        regions=regions,
        severity=severity,
        state=state,
        reason=reason,
        raised_at=raised_at,
        deliveries=tuple(_delivery(reason, *values) for values in deliveries),
    )


def _delivery(reason: str, *values: Any) -> DeliveryShown:
    *shown, ambiguous = values
    names = DeliveryShown.__struct_fields__
    why = f"{reason}; may repeat" if ambiguous else reason
    return msgspec.convert(dict(zip(names, (*shown, why), strict=True)), DeliveryShown)


def places_of(connection: sqlite3.Connection, alert: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the places and the region codes that an alert's matched revisions speak of, best evidence first."""
    rows = connection.execute(
        """
        SELECT DISTINCT mn.place, mn.region, mn.strength, mn.start
        FROM alert_matches am JOIN matches m ON m.id = am.match_id
        JOIN mentions mn ON mn.post_id = m.post_id AND mn.revision = m.revision
        WHERE am.alert_id = ?
        """,
        (alert,),
    ).fetchall()
    rank = {strength: index for index, strength in enumerate(_STRENGTHS)}
    rows.sort(key=lambda row: (rank.get(row[2], len(rank)), row[3]))
    return tuple(dict.fromkeys(row[0] for row in rows)), tuple(dict.fromkeys(row[1] for row in rows))


def quiet_by_rule(connection: sqlite3.Connection, since: datetime) -> dict[str, int]:
    """Return how many posts dated `since` or later each rule met without ringing, most first.

    What a start-up tells after a backfill: "the last 24 h would have rung so often".
    """
    rows = connection.execute(
        """
        SELECT r.name, count(DISTINCT a.id) AS times
        FROM posts p JOIN alerts a ON a.post_id = p.id JOIN alert_matches am ON am.alert_id = a.id
        JOIN matches m ON m.id = am.match_id JOIN rules r ON r.id = m.rule_id
        WHERE p.id >= ? AND julianday(p.date) >= julianday(?) AND a.state = 'quiet'
        GROUP BY r.name ORDER BY times DESC, r.name
        """,
        (int(since.timestamp()) << 20, iso(since)),
    )
    return dict(rows.fetchall())
