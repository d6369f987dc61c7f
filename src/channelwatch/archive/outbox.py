"""The outbox: deliveries that are due, claimed with a lease, and what became of them.

A delivery is a row before it is a message, and at least once is the promise:

``due`` → claimed (``sending``, with a lease) → ``sent``, or ``due`` again later, or ``dead``; a person makes what is
dead ``due`` again, or ``dismissed``.

An outlet that is itself at fault (a wrong token or chat) rests, longer and longer, and nothing of it dies.

A process that dies after the claim leaves the lease to expire; the row is then claimed again and counts one
ambiguous attempt, because the message may have arrived. Functions take the writer's connection and never commit.

Trap: ``…:00Z`` sorts behind ``…:00.5Z``, so times are compared without their ``Z``.
"""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from channelwatch.clock import from_iso, iso
from channelwatch.config.model import Severity

_SEVERITY = "CASE a.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END"
_IN_ORDER = """
    NOT EXISTS (
        SELECT 1 FROM deliveries earlier
        WHERE earlier.alert_id = d.alert_id AND earlier.outlet = d.outlet AND earlier.part < d.part
          AND earlier.state IN ('due', 'sending')
    )
"""

_INTERRUPT = """
    UPDATE deliveries SET state = 'due', ambiguous = ambiguous + 1, lease_until = NULL, next_attempt = ?,
           error = 'interrupted while it was sent: it may have arrived'
    WHERE state = 'sending'
"""

_NO_OUTLET = "the configuration has no such outlet any more"

_WORTH_TAKING_UP = timedelta(days=1)
"""What was given up longer ago than this is no news any more when its outlet comes back."""

_REST = timedelta(minutes=1)
"""How long an outlet rests after the first refusal that is its own fault; each further one in a row doubles it."""

_LONGEST_REST = timedelta(minutes=15)


class Claimed(msgspec.Struct, frozen=True):
    """One delivery that is ours until its lease ends."""

    id: int
    alert: int
    part: int
    severity: Severity
    body: str
    attempts: int
    """This one included."""
    ambiguous: int
    """Earlier attempts that may have arrived."""
    error: str | None = None
    """What became of the attempt before."""


class GivenUp(msgspec.Struct, frozen=True):
    """One delivery that was given up, for a person to resend or dismiss."""

    id: int
    alert: int
    outlet: str
    part: int
    error: str


def enqueue(connection: sqlite3.Connection, alert: int, outlet: str, bodies: Sequence[str], now: datetime) -> int:
    """Add one delivery per part; return how many were new (a delivery made before is never made again)."""
    before = connection.total_changes
    connection.executemany(
        """
        INSERT INTO deliveries (alert_id, outlet, part, body, state, next_attempt, created_at)
        VALUES (?, ?, ?, ?, 'due', ?, ?) ON CONFLICT (alert_id, outlet, part) DO NOTHING
        """,
        [(alert, outlet, part, body, iso(now), iso(now)) for part, body in enumerate(bodies, 1)],
    )
    return connection.total_changes - before


def claim(
    connection: sqlite3.Connection, outlet: str, now: datetime, *, lease: float = 60.0, limit: int = 1
) -> list[Claimed]:
    """Take what `outlet` should send next: highest severity first, then oldest, the parts of one alert in order.

    Nothing while the outlet pauses. Parts of one alert are handed out one at a time. Each row is ours for `lease`
    seconds.
    """
    if (rest := paused_until(connection, outlet)) is not None and rest > now:
        return []
    moment = _plain(now)
    connection.execute(f"{_INTERRUPT} AND outlet = ? AND rtrim(lease_until, 'Z') <= ?", (iso(now), outlet, moment))
    rows = connection.execute(
        f"""
        UPDATE deliveries SET state = 'sending', attempts = attempts + 1, lease_until = ?
        WHERE state = 'due' AND id IN (
            SELECT d.id FROM deliveries d JOIN alerts a ON a.id = d.alert_id
            WHERE d.outlet = ? AND d.state = 'due' AND rtrim(coalesce(d.next_attempt, ''), 'Z') <= ? AND {_IN_ORDER}
            ORDER BY {_SEVERITY}, d.alert_id, d.part LIMIT ?
        )
        RETURNING id, alert_id, part, (SELECT severity FROM alerts a WHERE a.id = alert_id), body, attempts, ambiguous,
                  error
        """,
        (iso(now + timedelta(seconds=lease)), outlet, moment, limit),
    ).fetchall()
    claimed = [Claimed(*row) for row in rows]
    rank = {"critical": 0, "warning": 1}
    return sorted(claimed, key=lambda each: (rank.get(each.severity, 2), each.alert, each.part))


def interrupt(connection: sqlite3.Connection, now: datetime) -> int:
    """End every lease at once, for a process that has just started and is the only one; return how many there were."""
    return connection.execute(_INTERRUPT, (iso(now),)).rowcount


def sent(connection: sqlite3.Connection, delivery: int, remote_id: str, now: datetime) -> None:
    """Record that it arrived; `remote_id` is the message's id at the outlet."""
    connection.execute(
        """
        UPDATE deliveries SET state = 'sent', remote_id = ?, sent_at = ?, lease_until = NULL, next_attempt = NULL,
               error = NULL
        WHERE id = ?
        """,
        (remote_id, iso(now), delivery),
    )
    connection.execute(
        "DELETE FROM outlet_pauses WHERE refusals > 0 AND outlet = (SELECT outlet FROM deliveries WHERE id = ?)",
        (delivery,),
    )


def retry(connection: sqlite3.Connection, delivery: int, at: datetime, error: str, *, ambiguous: bool = False) -> None:
    """Record a failure that is worth another attempt at `at`; `ambiguous`: the message may have arrived."""
    connection.execute(
        """
        UPDATE deliveries SET state = 'due', next_attempt = ?, lease_until = NULL, error = ?, ambiguous = ambiguous + ?
        WHERE id = ? AND state = 'sending'
        """,
        (iso(at), error, int(ambiguous), delivery),
    )


def dead(connection: sqlite3.Connection, delivery: int, error: str, *, ambiguous: bool = False) -> None:
    """Give it up, with the reason; later parts of the alert go on without it."""
    connection.execute(
        """
        UPDATE deliveries SET state = 'dead', error = ?, lease_until = NULL, next_attempt = NULL,
               ambiguous = ambiguous + ?
        WHERE id = ?
        """,
        (error, int(ambiguous), delivery),
    )


def pause(connection: sqlite3.Connection, outlets: Sequence[str], until: datetime, reason: str, now: datetime) -> None:
    """Keep `outlets` from sending before `until`; a longer pause that stands is kept, and the reason of a fault too."""
    connection.executemany(
        """
        INSERT INTO outlet_pauses (outlet, until, reason, since, refusals) VALUES (?, ?, ?, ?, 0)
        ON CONFLICT (outlet) DO UPDATE SET until = excluded.until,
            reason = iif(refusals, reason, excluded.reason), since = iif(refusals, since, excluded.since)
        WHERE rtrim(excluded.until, 'Z') > rtrim(outlet_pauses.until, 'Z')
        """,
        [(outlet, iso(until), reason, iso(now)) for outlet in outlets],
    )


def refused(
    connection: sqlite3.Connection, delivery: int, reason: str, now: datetime, *, ambiguous: bool = False
) -> datetime:
    """Record a refusal that is the outlet's own fault: the delivery stays due, the outlet rests; return until when.

    It rests for a minute, and twice as long after each further refusal in a row, at most for 15 minutes.
    """
    retry(connection, delivery, now, reason, ambiguous=ambiguous)
    (outlet,) = connection.execute("SELECT outlet FROM deliveries WHERE id = ?", (delivery,)).fetchone()
    row = connection.execute("SELECT since, refusals FROM outlet_pauses WHERE outlet = ?", (outlet,)).fetchone()
    since, before = row if row and row[1] else (iso(now), 0)
    until: datetime = now + min(_REST * 2 ** min(before, 9), _LONGEST_REST)
    connection.execute(
        "INSERT OR REPLACE INTO outlet_pauses (outlet, until, reason, since, refusals) VALUES (?, ?, ?, ?, ?)",
        (outlet, iso(until), reason, since, before + 1),
    )
    return until


def forgive(connection: sqlite3.Connection, outlet: str) -> None:
    """End the rest of an outlet that was at fault: its settings were read anew."""
    connection.execute("DELETE FROM outlet_pauses WHERE outlet = ? AND refusals > 0", (outlet,))


def paused_until(connection: sqlite3.Connection, outlet: str) -> datetime | None:
    """Return until when `outlet` may not send, or None; the moment may lie in the past."""
    row = connection.execute("SELECT until FROM outlet_pauses WHERE outlet = ?", (outlet,)).fetchone()
    return None if row is None else from_iso(row[0])


def next_due(connection: sqlite3.Connection, outlet: str) -> datetime | None:
    """Return when `outlet` next has something to send (ends of leases and of its pause count), or None."""
    (moment,) = connection.execute(
        f"""
        SELECT min(rtrim(iif(d.state = 'due', coalesce(d.next_attempt, d.created_at), d.lease_until), 'Z'))
        FROM deliveries d WHERE d.outlet = ? AND d.state IN ('due', 'sending') AND {_IN_ORDER}
        """,
        (outlet,),
    ).fetchone()
    if moment is None:
        return None
    rest = paused_until(connection, outlet)
    return from_iso(moment) if rest is None else max(rest, from_iso(moment))


def give_up_unknown(connection: sqlite3.Connection, known: Sequence[str]) -> int:
    """Mark dead what is due at outlets that the configuration no longer has; return how many."""
    marks = ", ".join("?" * len(known))
    return connection.execute(
        f"""
        UPDATE deliveries
        SET state = 'dead', error = ?, lease_until = NULL
        WHERE state IN ('due', 'sending') AND outlet NOT IN ({marks})
        """,
        (_NO_OUTLET, *known),
    ).rowcount


def take_up_known(connection: sqlite3.Connection, known: Sequence[str], now: datetime) -> int:
    """Make due again what `give_up_unknown` gave up at outlets that are back, a day old at most; return how many."""
    marks = ", ".join("?" * len(known))
    return connection.execute(
        f"""
        UPDATE deliveries SET state = 'due', error = NULL, next_attempt = ?
        WHERE state = 'dead' AND error = ? AND outlet IN ({marks}) AND rtrim(created_at, 'Z') >= ?
        """,
        (iso(now), _NO_OUTLET, *known, _plain(now - _WORTH_TAKING_UP)),
    ).rowcount


def given_up(connection: sqlite3.Connection, alerts: Sequence[int] | None = None) -> list[GivenUp]:
    """Return the dead deliveries of these alerts, or of all, oldest first."""
    rows = connection.execute(
        """
        SELECT id, alert_id, outlet, part, coalesce(error, '') FROM deliveries
        WHERE state = 'dead' AND (?1 IS NULL OR alert_id IN (SELECT value FROM json_each(?1)))
        ORDER BY alert_id, outlet, part
        """,
        (None if alerts is None else json.dumps(alerts),),
    )
    return [GivenUp(*row) for row in rows]


def resend(connection: sqlite3.Connection, deliveries: Sequence[int], now: datetime) -> int:
    """Make dead deliveries due again; return how many. A copy that may have arrived before is marked so."""
    return connection.execute(
        """
        UPDATE deliveries SET state = 'due', error = NULL, next_attempt = ?
        WHERE state = 'dead' AND id IN (SELECT value FROM json_each(?))
        """,
        (iso(now), json.dumps(deliveries)),
    ).rowcount


def dismiss(connection: sqlite3.Connection, deliveries: Sequence[int]) -> int:
    """Say that a person has seen to dead deliveries: they keep their reason and count as given up no more."""
    return connection.execute(
        """
        UPDATE deliveries SET state = 'dismissed'
        WHERE state = 'dead' AND id IN (SELECT value FROM json_each(?))
        """,
        (json.dumps(deliveries),),
    ).rowcount


def _plain(moment: datetime) -> str:
    return iso(moment).removesuffix("Z")
