"""Jobs that wake work, and the watchdog outside the scheduler."""

import asyncio
from datetime import UTC, datetime

from channelwatch.clock import FakeClock, SystemClock
from channelwatch.errors import ArchiveBusy
from channelwatch.service.jobs import Jobs


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await condition.wait()


async def test_a_job_runs_again_and_again() -> None:
    jobs, enough, runs = Jobs(SystemClock()), asyncio.Event(), 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            enough.set()

    jobs.add("work", 0.01, work)
    jobs.start()
    await until(enough)
    await jobs.stop(1)
    assert jobs.jobs["work"].failures == 0


async def test_a_job_that_raises_is_counted_and_runs_again() -> None:
    jobs, enough, runs = Jobs(SystemClock()), asyncio.Event(), 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            enough.set()
        raise ValueError("poison")

    jobs.add("work", 0.01, work)
    jobs.start()
    await until(enough)
    await jobs.stop(1)
    assert jobs.jobs["work"].failures == 3
    assert jobs.jobs["work"].error == "ValueError: poison"


async def test_a_job_that_waits_for_the_archive_is_not_stuck_since_a_restart_would_not_heal_it() -> None:
    clock = FakeClock(datetime(2023, 5, 22, tzinfo=UTC))
    jobs, ran = Jobs(clock), asyncio.Event()

    async def work() -> None:
        ran.set()
        raise ArchiveBusy("the disk is full")

    jobs.add("work", 0.01, work)
    clock.advance(3600)
    jobs.start()
    await until(ran)
    await jobs.stop(1)
    assert jobs.stuck() == []
    assert jobs.jobs["work"].failures == 0


async def test_the_job_that_notes_them_down_counts_as_succeeded_where_that_can_be_read() -> None:
    now = datetime(2023, 5, 22, tzinfo=UTC)
    jobs = Jobs(FakeClock(now))

    async def work() -> None:
        raise AssertionError("not started in this test")

    for name in ("alive", "other"):
        jobs.add(name, 10, work)
        jobs.jobs[name].runs, jobs.jobs[name].failures, jobs.jobs[name].error = 3, 2, "TimeoutError: "
    assert jobs.rows("alive") == [
        ("alive", None, now, 3, 0, None),
        ("other", None, None, 3, 2, "TimeoutError: "),
    ]


async def test_a_job_that_hangs_is_cut_at_its_deadline_and_runs_again() -> None:
    jobs, again, runs = Jobs(SystemClock()), asyncio.Event(), 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            again.set()
            return
        await asyncio.Event().wait()

    jobs.add("work", 0.01, work, deadline=0.05)
    jobs.start()
    await until(again)
    await jobs.stop(1)


async def test_stop_lets_a_running_job_finish() -> None:
    jobs, started, finished = Jobs(SystemClock()), asyncio.Event(), False

    async def work() -> None:
        nonlocal finished
        started.set()
        await asyncio.sleep(0.1)
        finished = True

    jobs.add("work", 0.01, work)
    jobs.start()
    await until(started)
    await jobs.stop(5)
    assert finished


async def test_a_job_that_has_not_succeeded_in_time_is_stuck() -> None:
    clock = FakeClock(datetime(2023, 5, 22, tzinfo=UTC))
    jobs = Jobs(clock)

    async def work() -> None:
        raise AssertionError("not started in this test")

    jobs.add("work", 10, work, deadline=30)
    clock.advance(60)
    assert jobs.stuck() == []
    clock.advance(1)
    assert [job.name for job in jobs.stuck()] == ["work"]
