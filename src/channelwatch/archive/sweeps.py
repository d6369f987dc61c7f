"""What an answer of Telegram changes, each in one transaction: a sweep, an ask for holes, a page of backfill.

Posts, mark, holes and what was found missing go in together or not at all: that is what makes a kill at any moment
harmless.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from channelwatch.archive import backfills, channels, ledger, posts
from channelwatch.clock import from_iso
from channelwatch.config.model import ChannelConfig
from channelwatch.intake import holes
from channelwatch.intake.ledger import Account
from channelwatch.post import Page, Post

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

    What is watched and configured no more becomes ``removed``.
    """
    found: list[tuple[ChannelConfig, channels.Channel | None]] = []
    kept: set[int] = set()
    for config in configured:
        row = channels.find(connection, config.name)
        if row is None or row.state == "imported" or row.id <= 0 or row.id in kept:
            found.append((config, None))
            continue
        kept.add(row.id)
        found.append((config, channels.upsert(connection, row.info, config, now)))
    for row in channels.every(connection, "active"):
        if row.id not in kept:
            channels.set_state(connection, row.id, "removed")
    return found


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
    reread_above: int | None,
    next_sweep: datetime,
) -> Kept:
    """Keep an ascending page: store its posts, advance the mark, open holes for what it skipped.

    Where the page began below the mark (at `reread_above`), stored posts that it should have shown and did not
    are missing.
    """
    known = [post for post in page.posts if post.message_id <= account.mark]
    stored = posts.store(connection, known, "sweep", now)
    skipped = ledger.advance(connection, channel_id, account.mark, now, top=page.top)
    for one in page.unreadable:
        ledger.quarantine(connection, channel_id, [one.message_id], one.error, now)
    missing = 0
    if reread_above is not None and page.posts:  # an empty page is more likely a fault than a purge
        # The newest page would have shown everything up to the mark; any other only what lies below its end.
        last = account.mark if account.caught_up else max((post.message_id for post in page.posts), default=0)
        seen = {post.message_id for post in page.posts} | {one.message_id for one in page.unreadable}
        gone = _unseen(connection, channel_id, (reread_above + 1, last), seen, now - REPLICAS)
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


def _unseen(
    connection: sqlite3.Connection, channel_id: int, ids: tuple[int, int], seen: Iterable[int], before: datetime
) -> list[int]:
    """Return the stored posts from before a time, in a range of ids, that are not among the `seen`."""
    present = set(seen)
    rows = connection.execute(
        """
        SELECT message_id FROM posts
        WHERE channel_id = ? AND message_id BETWEEN ? AND ? AND missing_since IS NULL AND id < ? ORDER BY message_id
        """,
        (channel_id, *ids, int(before.timestamp()) << 20),
    )
    return [number for (number,) in rows if number not in present]
