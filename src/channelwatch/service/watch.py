"""The watch: the planner that joins line, intake and archive.

It hands out calls (``intake.plan``), a few at a time: sweeps, backfill pages and asks for holes go to the ``Reader``,
look-ups and joins to the ``Roster``. Pushes are stored as they come and make their channel due; they never move a
mark.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from statistics import median

import structlog

from channelwatch.archive import posts, sweeps
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock, SystemClock
from channelwatch.config.model import Config
from channelwatch.errors import ArchiveBusy, ArchiveError, ChannelGone, Flooded, LineDown, LoginNeeded, TelegramError
from channelwatch.intake import rhythm
from channelwatch.intake.pacing import HISTORY
from channelwatch.intake.plan import Task, next_turn
from channelwatch.post import Post
from channelwatch.service.calls import Calls
from channelwatch.service.pushes import Pushes
from channelwatch.service.reader import Reader
from channelwatch.service.roster import Roster
from channelwatch.service.watched import ChannelStatus, Status, Wanted, Watched
from channelwatch.telegram.line import Line

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Calls under way at the same time."""
RETRY = (5.0, 900.0)
"""Seconds until a channel whose call failed is tried again: the first and the longest."""
TOO_MANY = 24 * 3600.0
"""Seconds until a join that was refused is tried again: the account is in too many channels."""


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
        self._writer = writer
        self._config = config
        self._clock = clock or SystemClock()
        self._wake_filter = wake_filter
        self._calls = Calls(writer, self._clock, config.telegram.pace)
        self._roster = Roster(line, writer, self._calls, self._clock, progress or log.info)
        self._reader = Reader(line, writer, self._roster, self._calls, self._clock, wake_filter=wake_filter)
        self._busy: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._pushes = Pushes(self._keep_pushes, self._keep_deletion, lambda: self._touched(None))
        self._woken = asyncio.Event()
        self._stopping = False
        line.turn = self._calls.turn
        line.on_push = self._pushes.pushed
        line.on_deleted = self._pushes.deleted
        line.on_touched = self._touched
        line.on_reconnected = self._reconnected

    @property
    def channels(self) -> dict[int, Watched]:
        """Return the channels that are watched, by id."""
        return self._roster.channels

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
        self._calls.pace.scale = config.telegram.pace
        await self._load()
        self.wake()

    async def _load(self) -> None:
        await self._calls.load()
        await self._roster.load(self._config)
        await self._reader.load(self._config.backfill)

    def status(self) -> Status:
        """Return how the watch stands."""
        now = self._calls.now()
        known = [one.rhythm for one in self.channels.values()]
        lags = rhythm.expected_lag(known, self._calls.budget())
        unkept = {number: bound for number, bound, _ in rhythm.unkept(known, self._calls.budget())}
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
            unresolved={wanted.config.name: wanted.problem for wanted in self._roster.wanted},
            resolve_seconds=self._roster.resolve_seconds(),
            backfills=len(self._reader.backfills),
            calls=dict(self._calls.counts),
        )

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
            turn = next_turn(self._tasks(), self._calls.pace, self._calls.now(), self._calls.counts.get(HISTORY, 0))
            if turn.task is None:
                return max(turn.wait, 0.005)
            self._start(turn.task)
        return 60.0

    def _tasks(self) -> list[Task]:
        tasks = []
        busy, roster, reader = self._busy, self._roster, self._reader
        for number, one in roster.channels.items():
            if ("channel", number) not in busy:
                tasks.append(Task("sweep", number, one.due, roster.urgency(one)))
                if number in reader.backfills and not one.gone and one.failures == 0:
                    tasks.append(Task("backfill", number, 0.0))
                if number in roster.joins:
                    tasks.append(Task("join", number, roster.joins[number]))
        if reader.hole_due is not None and ("hole", 0) not in busy:
            tasks.append(Task("hole", 0, max(reader.hole_due, reader.retry_holes), 30.0))
        if ("resolve", 0) not in busy:
            tasks.extend(Task("resolve", place, one.due) for place, one in enumerate(roster.wanted) if one.looked)
            if unseen := [one.due for one in roster.wanted if not one.looked]:
                tasks.append(Task("chats", 0, min(unseen)))
        return tasks

    def _start(self, task: Task) -> None:
        self._calls.spend(task.method)
        subject: Watched | Wanted | None = None
        if task.kind == "hole":
            key = ("hole", 0)
        elif task.kind == "chats":
            key = ("resolve", 0)  # names that may be among the chats must not be asked for
        elif task.kind == "resolve":
            key, subject = ("resolve", 0), self._roster.wanted[task.subject]
        else:
            key, subject = ("channel", task.subject), self.channels[task.subject]
        running = asyncio.create_task(self._guarded(task, subject), name=f"watch-{task.kind}-{task.subject}")
        self._busy[key] = running

        def done(_: asyncio.Task[None]) -> None:
            self._busy.pop(key, None)
            self.wake()

        running.add_done_callback(done)

    async def _guarded(self, task: Task, subject: Watched | Wanted | None) -> None:
        """Do a task; whatever fails, say when it is tried again."""
        label = subject.label if isinstance(subject, Watched) else subject.config.name if subject else ""
        try:
            await self._do(task, subject)
            self._calls.pace.answered(task.method)
        except Flooded as error:
            await self._calls.flooded(error)
        except LoginNeeded:
            pass  # the line is parked; the planner makes no calls while it is
        except LineDown as error:
            log.info("a call got no answer", task=task.kind, channel=label, reason=str(error))
            self._put_off(task, subject, RETRY[0])
        except ChannelGone as error:
            await self._gone(task, subject, error)
        except ArchiveError as error:
            say = log.debug if isinstance(error, ArchiveBusy) else log.warning  # the daemon tells of a busy one, once
            say("the archive can't be written", task=task.kind, channel=label, reason=str(error))
            self._put_off(task, subject, RETRY[0])
        except TelegramError as error:
            log.warning("a call failed", task=task.kind, channel=label, reason=str(error))
            self._put_off(task, subject, TOO_MANY if task.kind == "join" else _patience(subject))
            if isinstance(subject, Wanted):
                subject.problem = str(error)
        except Exception:
            log.exception("a task failed", task=task.kind, channel=label)
            self._put_off(task, subject, _patience(subject))

    async def _do(self, task: Task, subject: Watched | Wanted | None) -> None:
        if isinstance(subject, Wanted):
            await self._roster.resolve(subject)
        elif task.kind == "chats":
            await self._roster.look_among_chats()
        elif subject is None:
            await self._reader.ask_holes()
        elif task.kind == "join":
            await self._roster.join(subject)
        elif task.kind == "backfill":
            await self._reader.backfill(subject)
        else:
            await self._reader.sweep(subject)

    async def _gone(self, task: Task, subject: Watched | Wanted | None, error: ChannelGone) -> None:
        if isinstance(subject, Wanted):
            self._roster.not_found(subject, error)
        elif subject is None:
            self._put_off(task, None, RETRY[0])  # its next sweep will see it too
        elif task.kind == "join":
            self._roster.not_joined(subject, error)
        else:
            await self._roster.gone(subject, error)

    def _put_off(self, task: Task, subject: Watched | Wanted | None, seconds: float) -> None:
        later = self._calls.now() + seconds
        if isinstance(subject, Wanted):
            subject.due = later
        elif task.kind == "chats":
            self._roster.put_off_chats(later)
        elif subject is None:
            self._reader.retry_holes = later
        elif task.kind == "join":
            self._roster.joins[subject.info.id] = later
        else:
            subject.failures += 1
            subject.due = later

    # -- pushes -------------------------------------------------------------------------------------------------------

    def _touched(self, channel_id: int | None) -> None:
        for one in self.channels.values():
            if channel_id is None or one.info.id == channel_id:
                one.due, one.reread = self._calls.now(), True
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
        confirm = rhythm.CONFIRM if self._calls.pace.scale > 0 else 1.0
        for post in pushed:
            one = self.channels.get(post.channel_id)
            if one is None or post.message_id <= one.mark:
                continue
            gap = post.message_id > (one.top or one.mark) + 1
            one.top = max(one.top or 0, post.message_id)
            one.due = min(one.due, now.timestamp() + (0.0 if gap else confirm))
            one.lags.append(max(0.0, (now - post.date).total_seconds()))
        self.wake()


def _patience(subject: Watched | Wanted | None) -> float:
    failures = subject.failures if isinstance(subject, Watched) else 0
    return min(RETRY[0] * 2.0**failures, RETRY[1])
