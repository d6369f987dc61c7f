"""How the watch stands, read from the rows alone: what `status`, `/health` and `/metrics` show.

Read-only; it works beside a running daemon and without one.
"""

import sqlite3
from datetime import datetime, timedelta

import msgspec

from channelwatch.archive.pauses import pauses
from channelwatch.clock import from_iso, iso


class ChannelStanding(msgspec.Struct, frozen=True):
    """One channel; lags are seconds from a post's date to its storing, over the last day's live posts."""

    id: int
    channel: str
    state: str
    joined: bool
    posts: int
    waiting: int
    """Ids that Telegram has told us of above the mark."""
    open_holes: int
    last_sweep: str | None
    lag_median: float | None
    lag_p99: float | None


class OutletStanding(msgspec.Struct, frozen=True):
    """One outlet that refuses everything by a fault of its own; a person must correct a setting."""

    outlet: str
    reason: str
    since: str
    until: str
    """When it is tried again."""
    waiting: int
    """Deliveries that wait for it."""


class Standing(msgspec.Struct, frozen=True):
    """The whole service at one moment."""

    at: str
    channels: tuple[ChannelStanding, ...]
    posts: int
    work: int
    """Revisions that the filter pass has yet to look at."""
    oldest_work: float | None
    """Seconds that the oldest of them has waited."""
    due: int
    """Deliveries that are not sent yet."""
    oldest_due: float | None
    dead: int
    """Deliveries given up."""
    dead_lately: int
    """Those of them that were made in the last day; a person must look."""
    outlets: tuple[OutletStanding, ...]
    """Outlets at fault, as long as something waits for them."""
    pauses: dict[str, str]
    """Telegram method → until when we were asked to wait."""
    outages: tuple[tuple[str, str, str], ...]
    """Open outages: what, since, reason."""
    jobs: dict[str, tuple[str | None, int, str | None]]
    """Job → last success, failures in a row, last error."""


def read(connection: sqlite3.Connection, now: datetime) -> Standing:
    """Read the standing at `now` in one read transaction."""
    with connection:
        connection.execute("BEGIN")
        work, oldest_work = connection.execute("SELECT count(*), min(rtrim(queued_at, 'Z')) FROM work").fetchone()
        due, oldest_due = connection.execute(
            "SELECT count(*), min(rtrim(created_at, 'Z')) FROM deliveries WHERE state IN ('due', 'sending')"
        ).fetchone()
        dead, dead_lately = connection.execute(
            """
            SELECT count(*), coalesce(sum(rtrim(created_at, 'Z') >= rtrim(?, 'Z')), 0) FROM deliveries
            WHERE state = 'dead'
            """,
            (iso(now - timedelta(days=1)),),
        ).fetchone()
        return Standing(
            at=iso(now),
            channels=tuple(_channels(connection, now)),
            posts=connection.execute("SELECT count(*) FROM posts").fetchone()[0],
            work=work,
            oldest_work=_age(oldest_work, now),
            due=due,
            oldest_due=_age(oldest_due, now),
            dead=dead,
            dead_lately=dead_lately,
            outlets=tuple(outlets(connection)),
            pauses={method: iso(until) for method, until in pauses(connection, now).items()},
            outages=tuple(
                connection.execute("SELECT what, since, reason FROM outages WHERE until IS NULL AND what != 'daemon'")
            ),
            jobs={
                job: (success, failures, error)
                for job, success, failures, error in connection.execute(
                    "SELECT job, last_success, failures, error FROM job_runs"
                )
            },
        )


def outlets(connection: sqlite3.Connection) -> list[OutletStanding]:
    """Return the outlets at fault for which something waits."""
    rows = connection.execute(
        """
        SELECT p.outlet, p.reason, p.since, p.until, count(*)
        FROM outlet_pauses p JOIN deliveries d ON d.outlet = p.outlet AND d.state IN ('due', 'sending')
        WHERE p.refusals > 0 GROUP BY p.outlet
        """
    )
    return [OutletStanding(*row) for row in rows]


def _age(moment: str | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - from_iso(moment)).total_seconds())


def _channels(connection: sqlite3.Connection, now: datetime) -> list[ChannelStanding]:
    since = int((now - timedelta(days=1)).timestamp()) << 20
    lags: dict[int, list[float]] = {}
    for channel_id, lag in connection.execute(
        """
        SELECT channel_id, (julianday(stored_at) - julianday(date)) * 86400.0 FROM posts
        WHERE id >= ? AND came IN ('push', 'sweep', 'hole')
        """,
        (since,),
    ):
        lags.setdefault(channel_id, []).append(max(0.0, lag))
    rows = connection.execute(
        """
        SELECT c.id, coalesce(c.alias, c.name, c.title), c.state, c.joined, c.last_sweep,
               (SELECT count(*) FROM posts p WHERE p.channel_id = c.id),
               max(0, coalesce(c.top, 0) - coalesce(c.mark, 0)),
               (SELECT coalesce(sum(last - first + 1), 0) FROM ranges r
                 WHERE r.channel_id = c.id AND r.state = 'open')
        FROM channels c ORDER BY 2
        """
    )
    return [
        ChannelStanding(
            id=channel_id,
            channel=channel,
            state=state,
            joined=bool(joined),
            posts=posts,
            waiting=waiting if state == "active" else 0,
            open_holes=holes,
            last_sweep=last_sweep,
            lag_median=_quantile(lags.get(channel_id), 0.5),
            lag_p99=_quantile(lags.get(channel_id), 0.99),
        )
        for channel_id, channel, state, joined, last_sweep, posts, waiting, holes in rows
    ]


def _quantile(values: list[float] | None, share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
