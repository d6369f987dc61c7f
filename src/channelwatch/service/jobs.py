"""The scheduler's jobs, and the watchdog that stands outside the scheduler.

Jobs only *wake* work that is due by rows in the archive, so a lost run costs latency and nothing else. Every run
has a deadline. The watchdog asks of each job when it last succeeded; it first nudges the scheduler (an exception in
one trigger silently stops all of them in APScheduler 3.11.3), then gives up, so that the service manager restarts us.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from channelwatch.clock import Clock
from channelwatch.errors import ArchiveBusy

log = structlog.get_logger(__name__)


JobRow = tuple[str, datetime | None, datetime | None, int, int, str | None]
"""A job's name, last start, last success, runs, failures in a row, last error."""


class Job(msgspec.Struct):
    """One recurring piece of work; `every` and `deadline` are seconds."""

    name: str
    every: float
    deadline: float
    run: Callable[[], Awaitable[object]]
    last_start: datetime | None = None
    last_success: datetime | None = None
    runs: int = 0
    failures: int = 0
    error: str | None = None
    idle_since: float = 0.0
    """Monotonic seconds of its last success (or of the start)."""

    @property
    def patience(self) -> float:
        """Seconds without a success after which something is wrong."""
        return max(60.0, 3 * self.every + self.deadline)


class Jobs:
    """Runs jobs on their intervals; tells by `stuck` which have not succeeded in time."""

    def __init__(self, clock: Clock) -> None:
        """Make an empty set; nothing runs yet."""
        self._clock = clock
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._running: set[asyncio.Task[None]] = set()
        self.jobs: dict[str, Job] = {}

    def add(self, name: str, every: float, run: Callable[[], Awaitable[object]], *, deadline: float = 60.0) -> None:
        """Run `run` every so many seconds, giving it `deadline` seconds each time."""
        job = Job(name=name, every=every, deadline=deadline, run=run, idle_since=self._clock.monotonic())
        self.jobs[name] = job
        self._scheduler.add_job(self._run, "interval", seconds=every, args=[job], id=name)

    def start(self) -> None:
        """Start the timers."""
        self._scheduler.start()

    async def stop(self, within: float) -> None:
        """Stop the timers, let what is running finish for at most `within` seconds, then cancel it.

        APScheduler's own ``shutdown(wait=True)`` cancels running coroutines at once, so we wait ourselves.
        """
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=within)
        for task in self._running:
            task.cancel()
        self._scheduler.remove_all_jobs()
        self._scheduler.shutdown(wait=False)

    def rows(self, noting: str) -> list[JobRow]:
        """Return what `journal.note_jobs` takes.

        `noting` is the job that writes it down: where that can be read, it succeeded.
        """
        rows: list[JobRow] = []
        for job in self.jobs.values():
            if job.name == noting:
                rows.append((job.name, job.last_start, self._clock.now(), job.runs, 0, None))
            else:
                rows.append((job.name, job.last_start, job.last_success, job.runs, job.failures, job.error))
        return rows

    def stuck(self) -> list[Job]:
        """Return the jobs whose last success is longer ago than their patience."""
        now = self._clock.monotonic()
        return [job for job in self.jobs.values() if now - job.idle_since > job.patience]

    def nudge(self) -> None:
        """Make the scheduler look at its timers again."""
        self._scheduler.wakeup()

    async def _run(self, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- we are inside one
        self._running.add(task)
        job.last_start, job.runs = self._clock.now(), job.runs + 1
        try:
            async with asyncio.timeout(job.deadline):
                await job.run()
        except ArchiveBusy as error:  # no failure of the job: the daemon tells of it, and a restart would not heal it
            job.idle_since = self._clock.monotonic()
            log.debug("job waits for the archive", job=job.name, error=str(error))
        except Exception as error:
            job.failures += 1
            job.error = f"{type(error).__name__}: {error}"
            log.error("job failed", job=job.name, failures=job.failures, exc_info=True)
        else:
            job.last_success, job.idle_since = self._clock.now(), self._clock.monotonic()
            job.failures, job.error = 0, None
        finally:
            self._running.discard(task)


async def watch_jobs(jobs: Jobs, alive: Callable[[], object], give_up: Callable[[str], None]) -> None:
    """Look at the jobs every 10 s for ever: `alive()` while all is well, a nudge when not, then `give_up(reason)`."""
    strikes = 0
    while True:
        await asyncio.sleep(10)
        stuck = jobs.stuck()
        if not stuck:
            strikes = 0
            with contextlib.suppress(OSError):
                alive()
            continue
        strikes += 1
        names = ", ".join(f"{job.name} ({job.error or 'no run'})" for job in stuck)
        log.error("jobs have not succeeded in time", jobs=names, strike=strikes)
        jobs.nudge()
        if strikes >= 3:
            give_up(f"jobs stuck: {names}")
