"""Reading channels: sweeps above the mark, backfill pages below the start, asks for holes.

Each reads one answer of Telegram and keeps it in one transaction (``archive.sweeps``). What it raises is the planner's.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from channelwatch.archive import backfills, channels, ledger, sweeps
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock
from channelwatch.config.model import BackfillConfig
from channelwatch.errors import Flooded, LoginNeeded, TelegramError
from channelwatch.intake.ledger import account
from channelwatch.intake.pacing import HISTORY, MESSAGES
from channelwatch.post import Page, Post
from channelwatch.service.calls import Calls
from channelwatch.service.roster import Roster
from channelwatch.service.watched import Watched
from channelwatch.telegram.line import PAGE, Line

log = structlog.get_logger(__name__)

REREAD = 50
"""Ids below the mark that a sweep reads again, where edits and deletions may have been missed."""
OLD_NEWS = 3600.0
"""What a sweep finds after so many seconds without one says nothing about the usual lag."""


class Reader:
    """Reads what the planner says; every method raises TelegramError or ArchiveError and then has kept nothing."""

    def __init__(
        self,
        line: Line,
        writer: Writer,
        roster: Roster,
        calls: Calls,
        clock: Clock,
        *,
        wake_filter: Callable[[], object],
    ) -> None:
        """`wake_filter` is called after new or revised posts were committed; `load` first."""
        self.backfills: dict[int, backfills.Backfill] = {}
        """What is left of the past to read, by channel."""
        self.hole_due: float | None = None
        """When the next hole wants to be asked for, in seconds since the epoch."""
        self.retry_holes = 0.0
        """Before then, no hole is asked for."""
        self._backfill = BackfillConfig()
        self._line = line
        self._writer = writer
        self._roster = roster
        self._calls = calls
        self._clock = clock
        self._wake_filter = wake_filter

    async def load(self, backfill: BackfillConfig) -> None:
        """Take up what the archive says is unfinished; `backfill` is for channels that begin from now on."""
        self._backfill = backfill
        await self._look_for_backfills()
        await self._look_for_holes()

    # -- sweeps -------------------------------------------------------------------------------------------------------

    async def sweep(self, one: Watched) -> None:
        """Read the next page above the mark; a channel's very first call records where its promise starts."""
        if one.start is None:
            await self._begin(one)
            return
        touched, one.reread = one.reread, False  # it may be touched again before the answer is kept
        try:
            await self._sweep(one, one.start, reread=touched or not one.info.joined)
        except BaseException:
            one.reread |= touched
            raise

    async def _sweep(self, one: Watched, start: int, *, reread: bool) -> None:
        above = max(start, one.mark - REREAD) if reread else one.mark
        mark, top = one.mark, one.top
        page = await self._line.history(one.info, above=above, limit=PAGE)
        seen_to = max((post.message_id for post in page.posts), default=above)
        if reread and seen_to < min(mark, one.living or mark):
            page = _joined(page, await self._tail(one, seen_to))
        now = self._clock.now()
        counted = account(mark, page, top=top, limit=PAGE)
        seconds = now.timestamp() - (one.swept or now.timestamp())
        self._roster.observe(one, len(counted.posts), seconds)
        wait = self._roster.interval(one.info.id) if counted.caught_up else 0.0
        next_sweep = now + timedelta(seconds=wait)
        kept = await self._writer.run(
            sweeps.keep_sweep,
            one.info.id,
            page,
            counted,
            now,
            reread=(above, seen_to) if reread else None,
            next_sweep=next_sweep,
        )
        one.mark = counted.mark
        one.top = max(one.top or 0, counted.mark, page.top or 0)
        one.swept = now.timestamp()
        one.failures = 0
        # What a push or a new line made due while the page was read stays due.
        one.due = next_sweep.timestamp() if one.top <= one.mark and not one.reread else now.timestamp() + 1.0
        if one.gone:
            await self._roster.back(one)
            await self._look_for_backfills()
        if kept.new or kept.revised:
            if seconds < OLD_NEWS:
                _measure(one, counted.posts, now)
            self._wake_filter()
        if kept.holes:
            await self._look_for_holes()
        await self._roster.rename(one, page)

    async def _tail(self, one: Watched, seen_to: int) -> Page:
        """Read what a page that ended below the mark did not show: what is new, and what became of the rest.

        The page was cut short, or the posts above its end are gone. What is new must not wait behind what is old, and
        only an answer by id tells which posts are gone.
        """
        await self._calls.turn(HISTORY)
        page = await self._line.history(one.info, above=one.mark, limit=PAGE)
        now, rest = self._clock.now(), (seen_to + 1, one.mark)
        if not await self._writer.run(sweeps.alive, one.info.id, rest, now):
            one.living = seen_to
        old = await self._writer.run(sweeps.alive, one.info.id, rest, now - sweeps.REPLICAS)
        if not old:
            return page
        await self._calls.turn(MESSAGES)
        return _joined(page, await self._line.by_ids(one.info, old[:PAGE]))

    async def _begin(self, one: Watched) -> None:
        page = await self._line.history_below(one.info, below=None, limit=1)
        start, now = page.top or 0, self._clock.now()
        age = self._backfill.age if one.config.backfill is None else one.config.backfill
        most = self._backfill.posts if age > 0 else 0
        await self._writer.run(sweeps.begin, one.info.id, start, now, until=now - timedelta(seconds=age), most=most)
        row = await self._writer.run(channels.get, one.info.id)
        assert row is not None  # noqa: S101 - just begun
        await self._look_for_backfills()
        one.start, one.mark, one.top = row.start, row.mark or 0, row.top
        one.swept, one.reread = now.timestamp(), False
        one.due = now.timestamp() + self._roster.interval(one.info.id)
        self._roster.listen()
        log.info("watching", channel=one.label, joined=one.info.joined, start=start)
        await self._roster.rename(one, page)

    # -- the past -----------------------------------------------------------------------------------------------------

    async def backfill(self, one: Watched) -> None:
        """Read the next page below what was read of a channel's past."""
        plan = self.backfills[one.info.id]
        limit = max(1, min(PAGE, plan.most - plan.posts))
        page = await self._line.history_below(one.info, below=plan.reached, limit=limit)
        kept = await self._writer.run(sweeps.keep_backfill, plan, page, self._clock.now())
        await self._look_for_backfills()
        if one.info.id not in self.backfills:
            await self._roster.learn_rates()
        if kept.new or kept.revised:
            self._wake_filter()

    async def _look_for_backfills(self) -> None:
        self.backfills = {plan.channel_id: plan for plan in await self._writer.run(backfills.unfinished)}

    # -- holes --------------------------------------------------------------------------------------------------------

    async def ask_holes(self) -> None:
        """Ask for the ids of one channel's holes that are due, as many as one call takes."""
        due = await self._writer.run(ledger.due_holes, self._clock.now(), PAGE)
        asked: list[ledger.Hole] = []
        ids: list[int] = []
        watched = self._roster.channels
        one = next((watched[hole.channel_id] for hole in due if hole.channel_id in watched), None)
        for hole in due:
            if one is None or hole.channel_id != one.info.id or len(ids) >= PAGE:
                continue
            last = min(hole.last, hole.first + PAGE - len(ids) - 1)
            asked.append(msgspec.structs.replace(hole, last=last))
            ids.extend(range(hole.first, last + 1))
        if one is None or not ids:
            self.retry_holes = self._calls.now() + 60.0 if due else 0.0
            await self._look_for_holes()
            return
        try:
            page = await self._line.by_ids(one.info, ids)
        except (Flooded, LoginNeeded):
            raise
        except TelegramError:
            # Behind the others, or one channel that can't be asked would starve the rest.
            await self._writer.run(sweeps.put_off, one.info.id, asked, self._clock.now())
            await self._look_for_holes()
            raise
        now = self._clock.now()
        kept = await self._writer.run(sweeps.keep_answer, one.info.id, asked, page, now)
        if kept.new or kept.revised:
            _measure(one, page.posts, now)
            self._wake_filter()
        await self._look_for_holes()

    async def _look_for_holes(self) -> None:
        due = await self._writer.run(sweeps.next_hole)
        self.hole_due = due.timestamp() if due else None


def _joined(old: Page, news: Page) -> Page:
    """Return two answers about one channel as one; `news` is the younger."""
    return Page(
        posts=tuple(sorted(old.posts + news.posts, key=lambda post: post.message_id)),
        empty=old.empty + news.empty,
        unreadable=old.unreadable + news.unreadable,
        top=news.top if news.top is not None else old.top,
        channel=news.channel or old.channel,
    )


def _measure(one: Watched, found: tuple[Post, ...], now: datetime) -> None:
    one.lags.extend(max(0.0, (now - post.date).total_seconds()) for post in found)
