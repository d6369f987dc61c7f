"""`status` beside a running daemon, and without one."""

import asyncio
import json
import resource
import sqlite3
import urllib.error
import urllib.request
from typing import Any

import pytest

from ..service.test_daemon import Play, play  # noqa: F401


def furnish(play: Play, *channels: dict[str, Any]) -> None:  # noqa: F811
    play.furnish(play.user, channels, [], telegram={"pace": 1})


async def status(play: Play) -> dict[str, Any]:  # noqa: F811
    done = await play.asked("status", "--json")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def channel_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(channel for channel in answer["channels"] if channel["channel"] == name)


async def test_the_lag_to_expect_is_the_one_of_rhythm_and_budget(play: Play) -> None:  # noqa: F811
    furnish(play, {"name": "border_news"}, {"name": "quiet_town", "priority": "high"})
    await play.start()
    await play.watching()
    running = await status(play)
    assert channel_of(running, "border_news")["lag_expected"] == 2.0
    assert 120 < channel_of(running, "quiet_town")["lag_expected"] < 180
    assert running["unresolved"] == {}
    assert running["resolved_by"] is None
    assert running["daemon"]["line"] == "up"
    await play.stop()
    alone = await status(play)
    assert alone["daemon"] is None
    assert alone["unresolved"] is None
    assert channel_of(alone, "quiet_town")["lag_expected"] > 600
    assert alone.keys() == running.keys()


async def test_names_that_are_not_known_yet_are_shown_with_their_problem_and_their_end(play: Play) -> None:  # noqa: F811
    furnish(play, {"name": "border_news"}, {"name": "nobody_here"}, {"name": "quiet_town"})
    await play.start()

    async with asyncio.timeout(20):
        while not (answer := await status(play))["unresolved"].get("nobody_here"):
            pass
    assert list(answer["unresolved"]) == ["nobody_here", "quiet_town"]
    assert answer["unresolved"]["quiet_town"] == ""
    assert answer["resolved_by"] > answer["at"]
    shown = (await play.asked("status")).stdout
    assert "1 channels to look up, the last by 20" in shown
    assert "nobody_here can't be found" in shown


async def test_a_configured_channel_that_nobody_finds_is_ill(play: Play) -> None:  # noqa: F811
    furnish(play, {"name": "border_news"}, {"name": "nobody_here"})
    await play.start()
    async with asyncio.timeout(20):
        while not (await status(play))["unresolved"].get("nobody_here"):
            pass
    done = await play.asked("status")
    assert done.returncode == 1
    assert "nobody_here can't be found: " in done.stdout


async def test_a_line_that_was_never_up_is_ill(play: Play) -> None:  # noqa: F811
    await play.dc.stop()
    await play.start()
    at_once = await play.asked("status")
    assert at_once.returncode == 1
    assert "the line to Telegram is connecting" in at_once.stdout
    async with asyncio.timeout(40):
        while ": connect" not in (await status(play))["ills"][0]:
            pass
    assert "the line to Telegram is down: connect" in (await play.asked("status")).stdout


async def test_an_archive_that_can_not_be_written_is_ill_and_told_once_until_it_can(play: Play) -> None:  # noqa: F811
    await play.start()
    await play.watching()
    assert (await play.asked("status")).returncode == 0
    assert play.daemon is not None
    unlimited = resource.prlimit(play.daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(play.daemon.pid, resource.RLIMIT_FSIZE, (32 * 1024, unlimited[1]))  # what was written stays
    for number in range(20):
        play.dc.post(play.news, f"Тревога {number}")
    async with asyncio.timeout(20):
        while "nothing can be stored" not in play.log():  # noqa: ASYNC110 - the log is another process's
            await asyncio.sleep(0.05)
    done = await play.asked("status")
    assert done.returncode == 1
    assert "nothing can be stored: " in done.stdout
    health = next(json.loads(line)["url"] for line in play.log().splitlines() if "health is served" in line)
    with pytest.raises(urllib.error.HTTPError) as ill:
        await asyncio.to_thread(urllib.request.urlopen, health, timeout=5)
    assert (ill.value.code, "nothing can be stored" in json.loads(ill.value.read())["ills"][0]) == (503, True)
    ill.value.close()
    await asyncio.sleep(6)  # a round of every loop and job in which it would be told again
    resource.prlimit(play.daemon.pid, resource.RLIMIT_FSIZE, unlimited)
    async with asyncio.timeout(40):
        while "the archive can be written again" not in play.log():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)
    assert (await play.asked("status")).returncode == 0
    told = [json.loads(line) for line in play.log().splitlines()]
    begun = next(at for at, line in enumerate(told) if line["event"] == "nothing can be stored")
    ended = next(at for at, line in enumerate(told) if line["event"] == "the archive can be written again")
    assert [line["event"] for line in told[begun + 1 : ended]] == []
    assert "Traceback" not in play.log()


async def test_a_job_that_failed_is_shown_while_its_daemon_runs(play: Play) -> None:  # noqa: F811
    await play.start()
    await play.watching()
    failed = sqlite3.connect(play.archive.path, isolation_level=None)
    failed.execute("INSERT OR REPLACE INTO job_runs (job, runs, failures, error) VALUES ('filter', 2, 2, 'boom')")
    failed.close()
    assert "Job filter failed 2 times and never succeeded: boom" in (await play.asked("status")).stdout
    await play.kill()
    assert "Job filter" not in (await play.asked("status")).stdout
    await play.start()
    assert "Job filter" not in (await play.asked("status")).stdout


async def test_a_channel_that_can_not_be_read_is_shown_with_its_reason(play: Play) -> None:  # noqa: F811
    furnish(play, {"name": "border_news"}, {"name": "quiet_town"})
    await play.start()
    await play.watching()
    play.dc.ban(play.user, play.news)
    gone = f"channels WHERE state = 'gone' AND id = {play.news.id}"
    assert await play.until(lambda a: bool(a.execute(f"SELECT count(*) FROM {gone}").fetchone()[0]), within=20)
    answer = await status(play)
    assert channel_of(answer, "border_news")["gone"]
    assert channel_of(answer, "quiet_town")["gone"] is None
    assert "border_news can't be read: " in (await play.asked("status")).stdout
