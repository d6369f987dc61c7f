"""The calls that the watch may make: how fast, how many there were, and which methods must rest."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from channelwatch.archive import pauses
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock
from channelwatch.errors import ArchiveError, Flooded
from channelwatch.intake.pacing import HISTORY, Pace

log = structlog.get_logger(__name__)


class Calls:
    """Spends the pace of one account; rests are kept in the archive, so that the next start keeps them too."""

    def __init__(self, writer: Writer, clock: Clock, scale: float) -> None:
        """`scale` is the config's ``pace``; nothing is read before `load`."""
        self.pace = Pace(scale)
        self.counts: dict[str, int] = {}
        """Calls made so far, by Telegram's name of the method."""
        self._writer = writer
        self._clock = clock

    async def load(self) -> None:
        """Take up the rests that still run. Raises ArchiveError."""
        for method, until in (await self._writer.run(pauses.pauses, self._clock.now())).items():
            self.pace.pause(method, until.timestamp())

    def now(self) -> float:
        """Return the time in seconds since the epoch, as the pace counts it."""
        return self._clock.now().timestamp()

    def budget(self) -> float | None:
        """Return the history calls a second that the pace allows now; None = any number."""
        gap = self.pace.gap(HISTORY)
        return 1 / gap if gap > 0 else None

    def wait(self, method: str) -> float:
        """Return how many seconds to wait before the next call of a method; 0.0 = go."""
        return self.pace.wait(method, self.now())

    def spend(self, method: str) -> None:
        """Note that a call is being made."""
        self.pace.spend(method, self.now())
        self.counts[method] = self.counts.get(method, 0) + 1

    async def turn(self, method: str) -> None:
        """Wait for a method's turn and spend it: for calls that follow from another."""
        while (wait := self.wait(method)) > 0:  # noqa: ASYNC110 - a wait for time, not for an event
            await asyncio.sleep(wait)
        self.spend(method)

    async def flooded(self, error: Flooded) -> None:
        """Keep a flood wait."""
        until = self.pace.flooded(error.method, error.retry_after or 60.0, self.now())
        log.warning("Telegram asks us to wait", method=error.method, seconds=error.retry_after)
        with suppress(ArchiveError):
            await self._writer.run(pauses.pause, error.method, datetime.fromtimestamp(until, UTC), "flood wait")

    async def rest(self, method: str, seconds: float, reason: str) -> None:
        """Let a method rest by our own rule. Raises ArchiveError."""
        until = self.now() + seconds
        self.pace.pause(method, until)
        await self._writer.run(pauses.pause, method, datetime.fromtimestamp(until, UTC), reason)
