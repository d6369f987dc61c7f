"""What an answer of Telegram changes, each in one transaction: a sweep, an ask for holes, a page of backfill.

Posts, mark, holes and what was found missing go in together or not at all: that is what makes a kill at any moment
harmless.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from channelwatch.archive import backfills, channels, ledger, posts
from channelwatch.clock import from_iso, iso
from channelwatch.config.channel_names import channel_key
from channelwatch.config.model import ChannelConfig
from channelwatch.intake import holes
from channelwatch.intake.ledger import Account
from channelwatch.post import ChannelInfo, Page, Post

REPLICAS = timedelta(seconds=10)
"""Younger posts are never taken for deleted: Telegram's replicas may not agree on them yet."""


class Kept(msgspec.Struct, frozen=True):
    """What a page brought."""

    new: int = 0
    revised: int = 0
    missing: int = 0
    holes: int = 0


def adopt(
    connection: sqlite3.Connection, configured: tuple[ChannelConfig, ...], now: datetime
) -> list[tuple[ChannelConfig, channels.Channel | None]]:
    """Find each configured channel's row (None = to be resolved) and put it in force.

    A watched channel keeps the name that it was configured by, whatever it is called now and whoever took the name.
    What is watched and configured no more becomes ``removed``.
    """
    bound = _bound(connection, [config.name for config in configured])
    found: list[tuple[ChannelConfig, channels.Channel | None]] = []
    for config in configured:
        row = channels.get(connection, bound[config.name]) if config.name in bound else None
        found.append((config, channels.upsert(connection, row.info, config, now) if row is not None else None))
    for row in [*channels.every(connection, "active"), *channels.every(connection, "gone")]:
        if row.id not in bound.values():
            channels.set_state(connection, row.id, "removed")
    return found


def found(connection: sqlite3.Connection, info: ChannelInfo, config: ChannelConfig, now: datetime) -> channels.Channel:
    """Put a channel in force that was found by its configured name; the name stays one of its names for good."""
    row = channels.upsert(connection, info, config, now)
    key = channel_key(config.name)
    if isinstance(key, str) and key != (info.name or "").lower():
        connection.execute(
            "INSERT OR IGNORE INTO channel_names (channel_id, name, title, since, until) VALUES (?, ?, ?, ?, ?)",
            (info.id, key, info.title, iso(now - timedelta(microseconds=1)), iso(now)),
        )
    return row


def _bound(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, int]:
    """Return which channel each configured name means, one channel for one name; what is missing must be looked up.

    Names that are nobody's past go first, so that a channel is known by its present name where both are configured.
    """
    bound: dict[str, int] = {}
    for certain in (True, False):
        for name in names:
            holders = _holders(connection, name)
            for number, current in holders[:1] if certain else holders:
                if name not in bound and number not in bound.values() and (current or not certain):
                    bound[name] = number
    return bound


def _holders(connection: sqlite3.Connection, written: str) -> list[tuple[int, bool]]:
    """Return the channels that a name may mean and whether each has it now.

    Watched ones come first, the one that had it first before those who took it over; of the others only who has it now.
    """
    key = channel_key(written)
    if isinstance(key, int):
        row = channels.get(connection, key)
        return [(key, True)] if row is not None and row.state != "imported" else []
    rows = connection.execute(
        """
        SELECT c.id, coalesce(c.name = ?1 COLLATE NOCASE, 0) AS current FROM channels c
        JOIN channel_names n ON n.channel_id = c.id AND n.name = ?1 COLLATE NOCASE
        WHERE c.id > 0 AND c.state != 'imported' AND (c.state != 'removed' OR c.name = ?1 COLLATE NOCASE)
        GROUP BY c.id ORDER BY c.state = 'removed', min(n.since)
        """,
        (key,),
    )
    return [(number, bool(current)) for number, current in rows]


def begin(
    connection: sqlite3.Connection, channel_id: int, start: int, now: datetime, *, until: datetime, most: int
) -> None:
    """Record where a channel's promise starts, and plan its backfill, when it is watched for the first time."""
    if ledger.begin(connection, channel_id, start, now) and most > 0 and start > 0:
        backfills.begin(connection, channel_id, start, until, most)


def keep_sweep(
    connection: sqlite3.Connection,
    channel_id: int,
    page: Page,
    account: Account,
    now: datetime,
    *,
    reread: tuple[int, int] | None,
    next_sweep: datetime,
) -> Kept:
    """Keep an ascending page: store its posts, advance the mark, open holes for what it skipped.

    Where it began below the mark, `reread` gives the ids (above the first, up to the second) that it shows anew:
    stored posts among them that it does not show are missing.
    """
    known = [post for post in page.posts if post.message_id <= account.mark]
    stored = posts.store(connection, known, "sweep", now)
    skipped = ledger.advance(connection, channel_id, account.mark, now, top=page.top)
    for one in page.unreadable:
        ledger.quarantine(connection, channel_id, [one.message_id], one.error, now)
    missing = 0
    if reread is not None:
        seen = {post.message_id for post in page.posts} | {one.message_id for one in page.unreadable}
        shown = alive(connection, channel_id, (reread[0] + 1, reread[1]), now - REPLICAS)
        gone = [number for number in shown if number not in seen] + [
            number for number in page.empty if number <= account.mark
        ]
        missing = posts.mark_deleted(connection, channel_id, gone, now) if gone else 0
    ledger.swept(connection, channel_id, now, next_sweep, dirty=not account.caught_up)
    return Kept(len(stored.new), len(stored.revised), missing, len(skipped))


def keep_answer(
    connection: sqlite3.Connection, channel_id: int, asked: Sequence[ledger.Hole], page: Page, now: datetime
) -> Kept:
    """Keep the answer to an ask for holes: store what was found, certify or ask again for what was not."""
    stored = posts.store(connection, page.posts, "hole", now)
    for one in page.unreadable:
        ledger.quarantine(connection, channel_id, [one.message_id], one.error, now)
    settled = {post.message_id for post in page.posts} | {one.message_id for one in page.unreadable}
    empty = set(page.empty)
    for hole in asked:
        ids = [number for number in range(hole.first, hole.last + 1) if number not in settled]
        nothing = [number for number in ids if number in empty]
        silent = [number for number in ids if number not in empty]
        wait = holes.next_ask(hole.asks + 1, (now - (hole.newer or hole.since)).total_seconds())
        if wait is None:
            ledger.certify(connection, channel_id, nothing, now)
        else:
            ledger.ask_again(connection, channel_id, nothing, hole.asks + 1, now + timedelta(seconds=wait))
        ledger.ask_again(connection, channel_id, silent, hole.asks, now + timedelta(seconds=holes.DELAYS[1]))
    return Kept(len(stored.new), len(stored.revised))


def put_off(connection: sqlite3.Connection, channel_id: int, asked: Sequence[ledger.Hole], now: datetime) -> None:
    """Keep holes open after an ask that failed: it counts for nothing, and others go first for a minute."""
    for hole in asked:
        ids = range(hole.first, hole.last + 1)
        ledger.ask_again(connection, channel_id, ids, hole.asks, now + timedelta(seconds=holes.DELAYS[1]))


def keep_backfill(connection: sqlite3.Connection, plan: backfills.Backfill, page: Page, now: datetime) -> Kept:
    """Keep a descending page from before the first watch, as far as the plan goes."""
    until = from_iso(plan.until)
    room = plan.most - plan.posts
    wanted = sorted((post for post in page.posts if post.date >= until), key=lambda post: -post.message_id)[:room]
    stored = posts.store(connection, wanted, "backfill", now)
    reached = min(
        [post.message_id for post in page.posts] + [one.message_id for one in page.unreadable], default=plan.reached
    )
    finished = reached >= plan.reached or reached <= 1 or len(wanted) < len(page.posts) or len(wanted) >= room
    backfills.progress(connection, plan.channel_id, reached, len(wanted), now, finished=finished)
    return Kept(len(stored.new), len(stored.revised))


def keep_pushes(connection: sqlite3.Connection, pushed: Sequence[Post], starts: dict[int, int], now: datetime) -> Kept:
    """Keep pushed posts; an old one, from below its channel's start, belongs to the backfill and never rings."""
    live = [post for post in pushed if post.message_id > starts.get(post.channel_id, 0)]
    old = [post for post in pushed if post.message_id <= starts.get(post.channel_id, 0)]
    stored = posts.store(connection, live, "push", now)
    before = posts.store(connection, old, "backfill", now) if old else posts.Stored()
    return Kept(len(stored.new) + len(before.new), len(stored.revised) + len(before.revised))


def next_hole(connection: sqlite3.Connection) -> datetime | None:
    """Return when the next hole of an active channel is due, or None."""
    row = connection.execute(
        """
        SELECT r.next_ask FROM ranges r JOIN channels c ON c.id = r.channel_id AND c.state = 'active'
        WHERE r.state = 'open' ORDER BY rtrim(r.next_ask, 'Z') LIMIT 1
        """
    ).fetchone()
    return from_iso(row[0]) if row and row[0] else None


def rates(connection: sqlite3.Connection, now: datetime) -> dict[int, float]:
    """Return the posts a second of each channel that posted in the last day."""
    day = 86400
    rows = connection.execute(
        "SELECT channel_id, count(*) FROM posts WHERE id >= ? GROUP BY channel_id",
        ((int(now.timestamp()) - day) << 20,),
    )
    return {channel_id: count / day for channel_id, count in rows}


def alive(connection: sqlite3.Connection, channel_id: int, ids: tuple[int, int], before: datetime) -> list[int]:
    """Return which ids from the first to the second hold a post from before a time that is not known as missing."""
    rows = connection.execute(
        """
        SELECT message_id FROM posts
        WHERE channel_id = ? AND message_id BETWEEN ? AND ? AND missing_since IS NULL AND id < ? ORDER BY message_id
        """,
        (channel_id, *ids, int(before.timestamp()) << 20),
    )
    return [number for (number,) in rows]
