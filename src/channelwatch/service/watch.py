"""The watch: the loop that joins line, intake and archive.

One planner hands out calls (``intake.plan``), a few at a time: sweeps, asks for holes, backfill pages, look-ups
of names, joins. Every answer is kept in one transaction (``archive.sweeps``). Pushes are stored as they come and make
their channel due; they never move a mark.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from statistics import median

import msgspec
import structlog

from channelwatch.archive import backfills, channels, ledger, pauses, posts, sweeps
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock, SystemClock, from_iso
from channelwatch.config.model import ChannelConfig, Config
from channelwatch.errors import ArchiveError, ChannelGone, Flooded, LineDown, LoginNeeded, TelegramError
from channelwatch.intake import rhythm
from channelwatch.intake.ledger import account
from channelwatch.intake.pacing import BASE_GAPS, HISTORY, JOIN, RESOLVE, Pace
from channelwatch.intake.plan import Task, next_turn
from channelwatch.post import ChannelInfo, Page, Post
from channelwatch.service.pushes import Pushes
from channelwatch.service.watched import ChannelStatus, Status, Wanted, Watched
from channelwatch.telegram.line import PAGE, Line
from channelwatch.telegram.names import parse

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Calls under way at the same time."""
REREAD = 50
"""Ids below the mark that a sweep reads again, where edits and deletions may have been missed."""
CONFIRM_AFTER = 10.0
"""Seconds until a sweep confirms a push that left no gap."""
RETRY = (5.0, 900.0)
"""Seconds until a channel whose call failed is tried again: the first and the longest."""
GONE_RETRY = 6 * 3600.0
"""Seconds until a channel that can't be read is tried again."""
UNPACED = 5.0
"""With pacing off (tests), no channel waits longer than this for its next sweep, in seconds."""
TOO_MANY = 24 * 3600.0


class Watch:
    """Watches the configured channels over a line that someone else runs.

    `run` until cancelled; `stop` drains; `wake` makes the planner look again; `replace` puts another config in force.
    `wake_filter` is called after new or revised posts were committed; `progress(text)` says how far resolving is.
    """

    def __init__(
        self,
        line: Line,
        writer: Writer,
        config: Config,
        clock: Clock | None = None,
        wake_filter: Callable[[], object] = lambda: None,
        *,
        progress: Callable[[str], object] | None = None,
    ) -> None:
        """Connect the line's callbacks to this watch; nothing is asked before `run`."""
        self.line = line
        self.channels: dict[int, Watched] = {}
        self.wanted: list[Wanted] = []
        self.calls: dict[str, int] = {}
        self._writer = writer
        self._config = config
        self._clock = clock or SystemClock()
        self._wake_filter = wake_filter
        self._progress = progress or log.info
        self._pace = Pace(config.telegram.pace)
        self._backfills: dict[int, backfills.Backfill] = {}
        self._hole_due: float | None = None
        self._retry_holes = 0.0
        self._joins: dict[int, float] = {}
        self._intervals: dict[int, float] = {}
        self._intervals_at = 0.0
        self._busy: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._pushes = Pushes(self._keep_pushes, self._keep_deletion, lambda: self._touched(None))
        self._woken = asyncio.Event()
        self._stopping = False
        line.turn = self._turn
        line.on_push = self._pushes.pushed
        line.on_deleted = self._pushes.deleted
        line.on_touched = self._touched
        line.on_reconnected = self._reconnected

    async def run(self) -> None:
        """Watch until cancelled or stopped. Raises ArchiveError when the archive can't be used at the start."""
        await self._load()
        flush = asyncio.create_task(self._pushes.run(), name="watch-pushes")
        try:
            await self._plan_forever()
        finally:
            flush.cancel()
            for task in list(self._busy.values()):
                task.cancel()
            await asyncio.gather(flush, *self._busy.values(), return_exceptions=True)

    async def stop(self, patience: float = 10.0) -> None:
        """Make no more calls, let those under way finish, keep the pushes that came."""
        self._stopping = True
        self.wake()
        under_way = list(self._busy.values())
        if under_way:
            await asyncio.wait(under_way, timeout=patience)
        await self._pushes.flush()

    def wake(self) -> None:
        """Look again at what is due."""
        self._woken.set()

    async def replace(self, config: Config) -> None:
        """Put another configuration in force: new channels are resolved, removed ones no longer swept."""
        self._config = config
        if config.telegram.pace != self._pace.scale:
            self._pace.scale = config.telegram.pace
        await self._load()
        self.wake()

    def status(self) -> Status:
        """Return how the watch stands."""
        now = self._now()
        known = [one.rhythm for one in self.channels.values()]
        lags = rhythm.expected_lag(known, self._budget())
        unkept = {number: bound for number, bound, _ in rhythm.unkept(known, self._budget())}
        return Status(
            line=self.line.state,
            line_reason=self.line.supervisor.reason,
            channels=tuple(
                ChannelStatus(
                    id=one.info.id,
                    label=one.label,
                    joined=one.info.joined,
                    expected_lag=lags[one.info.id],
                    measured_lag=median(one.lags) if one.lags else None,
                    next_sweep_in=max(0.0, one.due - now),
                    gone=one.gone,
                    max_lag=unkept.get(one.info.id),
                )
                for one in self.channels.values()
            ),
            unresolved={wanted.config.name: wanted.problem for wanted in self.wanted},
            resolve_seconds=self._resolve_seconds(),
            backfills=len(self._backfills),
            calls=dict(self.calls),
        )

    # -- what is known at the start -----------------------------------------------------------------------------------

    async def _load(self) -> None:
        """Bring rows and configuration together: what is known is watched at once, the rest waits to be resolved."""
        now = self._clock.now()
        rows = await self._writer.run(sweeps.adopt, self._config.channels, now)
        before, self.channels = self.channels, {}
        wanted = {one.config.name: one for one in self.wanted}
        self.wanted = []
        for config, row in rows:
            if row is None:
                kept = wanted.get(config.name)
                self.wanted.append(Wanted(config, kept.due if kept else now.timestamp(), kept.problem if kept else ""))
            elif row.id in before:
                self._renew(before[row.id], config, row)
            else:
                self._add(config, row)
        for method, until in (await self._writer.run(pauses.pauses, now)).items():
            self._pace.pause(method, until.timestamp())
        self._backfills = {plan.channel_id: plan for plan in await self._writer.run(backfills.unfinished)}
        await self._learn_rates()
        await self._look_for_holes()
        self._watch_pushes()

    def _add(self, config: ChannelConfig, row: channels.Channel) -> None:
        watched = Watched(
            info=row.info,
            config=config,
            rhythm=rhythm.Channel(row.id, row.joined, config.priority == "high", config.max_lag),
            label=row.label,
            due=self._now(),
            start=row.start,
            mark=row.mark or 0,
            top=row.top,
            swept=from_iso(row.last_sweep).timestamp() if row.last_sweep else None,
        )
        self.channels[row.id] = watched
        if config.join and not row.joined:
            self._joins[row.id] = self._now()

    def _renew(self, watched: Watched, config: ChannelConfig, row: channels.Channel) -> None:
        watched.config, watched.label = config, row.label
        watched.rhythm.high, watched.rhythm.max_lag = config.priority == "high", config.max_lag
        self.channels[row.id] = watched
        if config.join and not watched.info.joined:
            self._joins.setdefault(row.id, self._now())

    def _watch_pushes(self) -> None:
        self.line.watched = {number for number, one in self.channels.items() if one.start is not None}
        self._intervals_at = 0.0

    # -- the planner --------------------------------------------------------------------------------------------------

    async def _plan_forever(self) -> None:
        while not self._stopping:
            self._woken.clear()
            wait = self._start_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # wait_for of Python 3.11 can swallow a cancellation
                    await self._woken.wait()
        await asyncio.Event().wait()

    def _start_due(self) -> float:
        """Start every call whose turn it is; return after how many seconds to look again at the latest."""
        while not self._stopping and self.line.state == "up" and len(self._busy) < AT_ONCE:
            now = self._now()
            turn = next_turn(self._tasks(now), self._pace, now, self.calls.get(HISTORY, 0))
            if turn.task is None:
                return max(turn.wait, 0.005)
            self._start(turn.task, now)
        return 60.0

    def _tasks(self, now: float) -> list[Task]:
        tasks = []
        intervals = self._rhythms(now)
        busy = self._busy
        for number, one in self.channels.items():
            if ("channel", number) not in busy:
                tasks.append(Task("sweep", number, one.due, intervals.get(number, 60.0)))
                if number in self._backfills and not one.gone and one.failures == 0:
                    tasks.append(Task("backfill", number, 0.0))
                if number in self._joins:
                    tasks.append(Task("join", number, self._joins[number]))
        if self._hole_due is not None and ("hole", 0) not in busy:
            tasks.append(Task("hole", 0, max(self._hole_due, self._retry_holes), 30.0))
        if ("resolve", 0) not in busy:
            tasks.extend(Task("resolve", place, one.due) for place, one in enumerate(self.wanted))
        return tasks

    def _start(self, task: Task, now: float) -> None:
        self._pace.spend(task.method, now)
        self.calls[task.method] = self.calls.get(task.method, 0) + 1
        key = (task.kind, 0) if task.kind in ("hole", "resolve") else ("channel", task.subject)
        running = asyncio.create_task(self._guarded(task), name=f"watch-{task.kind}-{task.subject}")
        self._busy[key] = running

        def done(_: asyncio.Task[None]) -> None:
            self._busy.pop(key, None)
            self.wake()

        running.add_done_callback(done)

    async def _guarded(self, task: Task) -> None:
        """Do a task; whatever fails, say when it is tried again."""
        wanted = self.wanted[task.subject] if task.kind == "resolve" else None
        try:
            await self._do(task, wanted)
            self._pace.answered(task.method)
        except Flooded as error:
            await self._pause(error)
        except LoginNeeded:
            pass  # the line is parked; the planner makes no calls while it is
        except LineDown as error:
            log.info("a call got no answer", task=task.kind, reason=str(error))
            self._put_off(task, wanted, RETRY[0])
        except ChannelGone as error:
            await self._gone(task, wanted, error)
        except ArchiveError as error:
            log.warning("the archive can't be written", reason=str(error))
            self._put_off(task, wanted, RETRY[0])
        except TelegramError as error:
            log.warning("a call failed", task=task.kind, channel=self._label(task), reason=str(error))
            self._put_off(task, wanted, TOO_MANY if task.kind == "join" else self._patience(task))
            if wanted is not None:
                wanted.problem = str(error)
        except Exception:
            log.exception("a task failed", task=task.kind, channel=self._label(task))
            self._put_off(task, wanted, self._patience(task))

    async def _do(self, task: Task, wanted: Wanted | None) -> None:
        if wanted is not None:
            await self._resolve(wanted)
        elif task.kind == "hole":
            await self._ask_holes()
        elif task.kind == "join":
            await self._join(self.channels[task.subject])
        elif task.kind == "backfill":
            await self._backfill(self.channels[task.subject])
        else:
            await self._sweep(self.channels[task.subject])

    def _patience(self, task: Task) -> float:
        one = self.channels.get(task.subject)
        failures = one.failures if one is not None else 0
        return min(RETRY[0] * 2.0**failures, RETRY[1])

    def _put_off(self, task: Task, wanted: Wanted | None, seconds: float) -> None:
        later = self._now() + seconds
        if wanted is not None:
            wanted.due = later
        elif task.kind == "hole":
            self._retry_holes = later
        elif task.kind == "join":
            self._joins[task.subject] = later
        elif (one := self.channels.get(task.subject)) is not None:
            one.failures += 1
            one.due = later

    async def _pause(self, error: Flooded) -> None:
        until = self._pace.flooded(error.method, error.retry_after or 60.0, self._now())
        log.warning("Telegram asks us to wait", method=error.method, seconds=error.retry_after)
        with suppress(ArchiveError):
            await self._writer.run(pauses.pause, error.method, datetime.fromtimestamp(until, UTC), "flood wait")

    async def _turn(self, method: str) -> None:
        """Wait for a follow-up call's turn."""
        while (wait := self._pace.wait(method, self._now())) > 0:  # noqa: ASYNC110 - a wait for time, not for an event
            await asyncio.sleep(wait)
        self._pace.spend(method, self._now())
        self.calls[method] = self.calls.get(method, 0) + 1

    # -- sweeps -------------------------------------------------------------------------------------------------------

    async def _sweep(self, one: Watched) -> None:
        """Read the next page above the mark; a channel's very first call records where its promise starts."""
        if one.start is None:
            await self._begin(one)
            return
        reread = one.reread or not one.info.joined
        above = max(one.start, one.mark - REREAD) if reread else one.mark
        mark, top = one.mark, one.top
        page = await self.line.history(one.info, above=above, limit=PAGE)
        if reread and above < mark and max((post.message_id for post in page.posts), default=0) < mark:
            # Cut short below the mark (or its post is gone): what is new must not wait behind what is old.
            reread = False
            await self._turn(HISTORY)
            page = await self.line.history(one.info, above=mark, limit=PAGE)
        now = self._clock.now()
        counted = account(mark, page, top=top, limit=PAGE)
        seconds = now.timestamp() - (one.swept or now.timestamp())
        rhythm.observe(one.rhythm, len(counted.posts), seconds)
        wait = self._rhythms(now.timestamp()).get(one.info.id, 60.0) if counted.caught_up else 0.0
        next_sweep = now + timedelta(seconds=wait)
        kept = await self._writer.run(
            sweeps.keep_sweep,
            one.info.id,
            page,
            counted,
            now,
            reread_above=above if reread else None,
            next_sweep=next_sweep,
        )
        one.mark = counted.mark
        one.top = max(one.top or 0, counted.mark, page.top or 0)
        one.swept = now.timestamp()
        one.failures = 0
        one.reread = False
        # A push may have come while the page was read: what it made due stays due.
        one.due = next_sweep.timestamp() if one.top <= one.mark else now.timestamp() + 1.0
        if one.gone:
            one.gone = ""
            await self._writer.run(channels.set_state, one.info.id, "active")
        if kept.new or kept.revised:
            if seconds < 3600:
                self._measure(one, counted.posts, now)
            self._wake_filter()
        if kept.holes:
            await self._look_for_holes()
        await self._rename(one, page)

    async def _begin(self, one: Watched) -> None:
        page = await self.line.history_below(one.info, below=None, limit=1)
        start, now = page.top or 0, self._clock.now()
        age = self._config.backfill.age if one.config.backfill is None else one.config.backfill
        most = self._config.backfill.posts if age > 0 else 0
        await self._writer.run(sweeps.begin, one.info.id, start, now, until=now - timedelta(seconds=age), most=most)
        row = await self._writer.run(channels.get, one.info.id)
        assert row is not None  # noqa: S101 - just begun
        self._backfills = {plan.channel_id: plan for plan in await self._writer.run(backfills.unfinished)}
        one.start, one.mark, one.top = row.start, row.mark or 0, row.top
        one.swept, one.reread = now.timestamp(), False
        one.due = now.timestamp() + self._rhythms(now.timestamp()).get(one.info.id, 60.0)
        self._watch_pushes()
        log.info("watching", channel=one.label, joined=one.info.joined, start=start)
        await self._rename(one, page)

    async def _backfill(self, one: Watched) -> None:
        plan = self._backfills[one.info.id]
        limit = max(1, min(PAGE, plan.most - plan.posts))
        page = await self.line.history_below(one.info, below=plan.reached, limit=limit)
        kept = await self._writer.run(sweeps.keep_backfill, plan, page, self._clock.now())
        left = {row.channel_id: row for row in await self._writer.run(backfills.unfinished)}
        if one.info.id in left:
            self._backfills[one.info.id] = left[one.info.id]
        else:
            self._backfills.pop(one.info.id, None)
            await self._learn_rates()
        if kept.new or kept.revised:
            self._wake_filter()

    # -- holes --------------------------------------------------------------------------------------------------------

    async def _ask_holes(self) -> None:
        now = self._clock.now()
        due = await self._writer.run(ledger.due_holes, now, PAGE)
        asked: list[ledger.Hole] = []
        ids: list[int] = []
        one = next((self.channels[hole.channel_id] for hole in due if hole.channel_id in self.channels), None)
        for hole in due:
            if one is None or hole.channel_id != one.info.id or len(ids) >= PAGE:
                continue
            last = min(hole.last, hole.first + PAGE - len(ids) - 1)
            asked.append(msgspec.structs.replace(hole, last=last))
            ids.extend(range(hole.first, last + 1))
        if one is None or not ids:
            self._retry_holes = self._now() + 60.0 if due else 0.0
            await self._look_for_holes()
            return
        page = await self.line.by_ids(one.info, ids)
        now = self._clock.now()
        kept = await self._writer.run(sweeps.keep_answer, one.info.id, asked, page, now)
        if kept.new or kept.revised:
            self._measure(one, page.posts, now)
            self._wake_filter()
        await self._look_for_holes()

    async def _look_for_holes(self) -> None:
        due = await self._writer.run(sweeps.next_hole)
        self._hole_due = due.timestamp() if due else None

    # -- pushes -------------------------------------------------------------------------------------------------------

    def _touched(self, channel_id: int | None) -> None:
        for one in self.channels.values():
            if channel_id is None or one.info.id == channel_id:
                one.due, one.reread = self._now(), True
        self.wake()

    def _reconnected(self) -> None:
        """Count everything as missed that may have been published since."""
        self._touched(None)

    async def _keep_deletion(self, channel_id: int, ids: tuple[int, ...]) -> None:
        await self._writer.run(posts.mark_deleted, channel_id, ids, self._clock.now())

    async def _keep_pushes(self, pushed: list[Post]) -> None:
        starts = {number: one.start or 0 for number, one in self.channels.items()}
        now = self._clock.now()
        kept = await self._writer.run(sweeps.keep_pushes, pushed, starts, now)
        if kept.new or kept.revised:
            self._wake_filter()
        confirm = CONFIRM_AFTER if self._pace.scale > 0 else 1.0
        for post in pushed:
            one = self.channels.get(post.channel_id)
            if one is None or post.message_id <= one.mark:
                continue
            gap = post.message_id > (one.top or one.mark) + 1
            one.top = max(one.top or 0, post.message_id)
            one.due = min(one.due, self._now() + (0.0 if gap else confirm))
            one.lags.append(max(0.0, (now - post.date).total_seconds()))
        self.wake()

    # -- channels -----------------------------------------------------------------------------------------------------

    async def _resolve(self, wanted: Wanted) -> None:
        name = parse(wanted.config.name)
        info = await self.line.resolve(name)
        row = await self._writer.run(channels.upsert, info, wanted.config, self._clock.now())
        if wanted in self.wanted:
            self.wanted.remove(wanted)
        if row.id not in self.channels:
            self._add(wanted.config, row)
            self._watch_pushes()
        if self.wanted:
            self._progress(
                f"{wanted.config.name} found; {len(self.wanted)} channels to look up, "
                f"about {self._resolve_seconds() / 60:.0f} min at this pace"
            )

    async def _join(self, one: Watched) -> None:
        await self.line.join(one.info)
        self._joins.pop(one.info.id, None)
        await self._change(one, msgspec.structs.replace(one.info, joined=True))
        if self._pace.scale > 0:
            rest = BASE_GAPS[JOIN]
            self._pace.pause(JOIN, self._now() + rest)
            until = self._clock.now() + timedelta(seconds=rest)
            await self._writer.run(pauses.pause, JOIN, until, "at most one join in five minutes")
        one.due, one.reread = self._now(), True
        log.info("joined", channel=one.label)

    async def _rename(self, one: Watched, page: Page) -> None:
        if page.channel is not None and page.channel != one.info:
            await self._change(one, page.channel)

    async def _change(self, one: Watched, info: ChannelInfo) -> None:
        row = await self._writer.run(channels.upsert, info, None, self._clock.now())
        if (one.info.name, one.info.title) != (info.name, info.title):
            log.info("a channel was renamed", channel=row.label, name=info.name, title=info.title, before=one.info.name)
        one.info, one.label, one.rhythm.joined = row.info, row.label, row.joined

    async def _gone(self, task: Task, wanted: Wanted | None, error: ChannelGone) -> None:
        """Keep a channel that can't be read in sight: look it up once more by its name, say it, try again later."""
        if wanted is not None:
            wanted.problem = str(error)
            wanted.due = self._now() + GONE_RETRY
            log.error("a channel can't be found", channel=wanted.config.name, reason=str(error))
            return
        one = self.channels.get(task.subject)
        if one is None:
            return
        if task.kind == "join":
            self._joins[one.info.id] = self._now() + GONE_RETRY
            log.warning("a channel can't be joined", channel=one.label, reason=str(error))
            return
        if one.info.name is not None and not one.gone and await self._found_again(one):
            one.due = self._now()
            return
        if not one.gone:
            log.error("a channel can't be read any more", channel=one.label, reason=str(error))
        one.gone = str(error)
        one.due = self._now() + GONE_RETRY
        with suppress(ArchiveError):
            await self._writer.run(channels.set_state, one.info.id, "gone")

    async def _found_again(self, one: Watched) -> bool:
        """Tell whether the channel still answers to its name (our access hash had gone stale)."""
        if self._pace.wait(RESOLVE, self._now()) > 0 or one.info.name is None:
            return False
        self._pace.spend(RESOLVE, self._now())
        try:
            info = await self.line.resolve(parse(one.info.name))
        except Flooded as error:
            await self._pause(error)
            return False
        except TelegramError:
            return False
        if info.id != one.info.id:
            log.error("a name now belongs to another channel", name=one.info.name, was=one.info.id, now=info.id)
            return False
        if info == one.info:
            return False
        await self._change(one, info)
        return True

    async def _learn_rates(self) -> None:
        """Take each channel's posting rate from the archive's last day."""
        for number, posts_a_second in (await self._writer.run(sweeps.rates, self._clock.now())).items():
            if number in self.channels:
                self.channels[number].rhythm.rate = posts_a_second
        self._intervals_at = 0.0

    # -- small matters ------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _budget(self) -> float | None:
        gap = self._pace.gap(HISTORY)
        return 1 / gap if gap > 0 else None

    def _rhythms(self, now: float) -> dict[int, float]:
        """Return the seconds between sweeps of each channel; worked out anew every few seconds."""
        if now - self._intervals_at > 5.0 or len(self._intervals) != len(self.channels):
            longest = UNPACED if self._pace.scale <= 0 else rhythm.LONGEST * 100
            wanted = rhythm.stretched([one.rhythm for one in self.channels.values()], self._budget())
            self._intervals = {number: min(seconds, longest) for number, seconds in wanted.items()}
            self._intervals_at = now
        return self._intervals

    def _resolve_seconds(self) -> float:
        if not self.wanted:
            return 0.0
        now = self._now()
        return self._pace.wait(RESOLVE, now) + (len(self.wanted) - 1) * self._pace.gap(RESOLVE)

    def _measure(self, one: Watched, found: tuple[Post, ...], now: datetime) -> None:
        one.lags.extend(max(0.0, (now - post.date).total_seconds()) for post in found)

    def _label(self, task: Task) -> str:
        one = self.channels.get(task.subject)
        return one.label if one is not None else ""
