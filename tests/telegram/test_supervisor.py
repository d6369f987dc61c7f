"""The supervisor's clocks: a machine that slept, a clock that was set, a clock that differs from Telegram's."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import User, World

from ..jumping_clock import JumpingClock
from .line_fixtures import line_to, running


@pytest.fixture
def me(world: World) -> User:
    return world.add_user(phone="+70000000001")


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("wall", "steady"),
    [(3600.0, 0.0), (3600.0, 3600.0), (-3600.0, 0.0)],
    ids=["suspended", "stopped", "set back"],
)
async def test_after_a_sleep_or_a_set_clock_everything_counts_as_missed(
    dc: DataCentre, me: User, wall: float, steady: float
) -> None:
    clock = JumpingClock()
    line = line_to(dc, me, clock=clock, probe_every=0.1)
    times: list[int] = []
    line.on_reconnected = lambda: times.append(1)
    async with running(line):
        await asyncio.sleep(0.3)
        assert len(times) == 1
        checks = dc.calls["help.getConfig"]
        clock.wall += wall
        clock.steady += steady
        await until(lambda: len(times) == 2)
        await until(lambda: dc.calls["help.getConfig"] > checks)
        assert line.state == "up"


async def test_the_clock_is_compared_with_telegrams_again_and_again(
    dc: DataCentre, me: User, caplog: pytest.LogCaptureFixture
) -> None:
    line = line_to(dc, me, probe_every=0.05, skew_every=0.1)
    async with running(line):
        await until(lambda: dc.calls["help.getConfig"] > 2)
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
        dc.clock_skew = 20.0  # not far enough for Telethon to stop listening
        await until(lambda: "off Telegram's: set it" in caplog.text)
        assert line.supervisor.skew is not None
        assert 15 < line.supervisor.skew < 25
