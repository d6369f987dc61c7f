"""A machine that sleeps while channels go on posting."""

import asyncio
import signal
import sqlite3

import pytest

from channelwatch.config.model import TelegramConfig

from ..jumping_clock import JumpingClock
from ..telegram_fixtures import dc, world  # noqa: F401
from .test_daemon import Play, play  # noqa: F401
from .test_watch import Rig, rig, until  # noqa: F401


@pytest.mark.parametrize("seconds", [3600.0, -3600.0], ids=["slept", "set back"])
async def test_after_a_sleep_every_channel_is_read_again(rig: Rig, seconds: float) -> None:  # noqa: F811
    channels = [rig.channel(f"news_{number}", joined=number < 3) for number in range(4)]
    rig.settings["telegram"] = TelegramConfig(pace=1000.0)
    rig.probe_every = 0.1
    clock = JumpingClock()
    async with rig.watching(clock=clock):
        for channel in channels:
            for number in range(30):
                rig.dc.post(channel, f"ночью {number}", lose=True)
        await asyncio.sleep(0.3)
        assert not any(rig.texts(channel) for channel in channels)
        clock.wall += seconds
        await until(lambda: rig.whole(*channels))
    assert all(len(rig.texts(channel)) == 30 for channel in channels)


async def test_a_stopped_daemon_that_goes_on_has_lost_nothing(play: Play) -> None:  # noqa: F811
    await play.start()
    await play.watching()
    assert play.daemon is not None
    play.daemon.send_signal(signal.SIGSTOP)
    for number in range(150):
        play.dc.post(play.news, f"Тревога {number}" if number == 149 else f"{number}")
        play.dc.post(play.polled, f"{number}")
    play.dc.cut()
    await asyncio.sleep(0.5)
    play.daemon.send_signal(signal.SIGCONT)

    def whole(archive: sqlite3.Connection) -> bool:
        return bool(archive.execute("SELECT count(*) = 300 FROM posts").fetchone()[0])

    assert await play.until(whole, within=20), play.log_tail()
    assert await play.until(lambda a: bool(a.execute("SELECT count(*) = 1 FROM alerts").fetchone()[0]), within=10)
    assert await play.stop() == 0
