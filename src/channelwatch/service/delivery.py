"""The delivery pump: from due rows to the outlets, one lane each, so that a dead outlet holds nobody else up."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog

from channelwatch.archive import outbox
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock
from channelwatch.outlets import Outlet
from channelwatch.service.lane import BACKOFF, DEADLINE, LEASE, Lane
from channelwatch.service.windows import Windows

log = structlog.get_logger(__name__)


class DeliveryPump:
    """Runs a lane per outlet until it is stopped; woken by `wake`, with a timer in each lane as safety net."""

    def __init__(
        self,
        writer: Writer,
        outlets: Sequence[Outlet],
        clock: Clock,
        *,
        lease: float = LEASE,
        deadline: float = DEADLINE,
        backoff: float = BACKOFF,
    ) -> None:
        """`outlets` belong to the pump from now on; it closes them."""
        self._writer = writer
        self._clock = clock
        self._lease = lease
        self._deadline = deadline
        self._backoff = backoff
        self._windows = Windows(clock)
        self._outlets = list(outlets)
        self._lanes: dict[asyncio.Task[None], Lane] = {}
        self._started = False
        self._stopped = asyncio.Event()

    @property
    def last_sent(self) -> datetime | None:
        """When a message last arrived somewhere, since the start."""
        return max((lane.last_sent for lane in self._lanes.values() if lane.last_sent), default=None)

    def wake(self) -> None:
        """Say that something may be due; call it from the event loop's thread."""
        for lane in self._lanes.values():
            lane.wake()

    async def run(self) -> None:
        """Send what is due until `stop`.

        The caller holds the instance lock, so what is marked as being sent was cut off by the end of an earlier run.
        """
        now = self._clock.now()
        if cut := await self._writer.run(outbox.interrupt, now):
            log.warning("sends_were_interrupted", count=cut)
        await self._tidy(self._outlets)
        self._open(self._outlets)
        self._started = True
        try:
            await self._stopped.wait()
        finally:
            for task in list(self._lanes):  # none are left but where this was cancelled
                task.cancel()

    async def replace(self, outlets: Sequence[Outlet]) -> None:
        """Use other outlets: sends in hand are finished by the old ones, the rest goes to the new.

        Raises ArchiveBusy when the archive can't be written just now; then the old outlets go on.
        """
        if self._started and not self._stopped.is_set():
            await self._tidy(outlets)
        self._outlets = list(outlets)
        if not self._started or self._stopped.is_set():
            return
        for lane in self._lanes.values():
            lane.retire()
        self._open(self._outlets)

    async def stop(self, drain: float = 5.0) -> None:
        """Give what is due at most `drain` seconds to leave, then stop; may be called again, or before `run`.

        A send that is cut off is sent again after the next start, marked as one that may repeat.
        """
        for lane in self._lanes.values():
            lane.drain()
        if self._lanes:
            _, late = await asyncio.wait(self._lanes, timeout=drain)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        elif not self._started:
            for outlet in self._outlets:
                await outlet.close()
        self._stopped.set()

    async def _tidy(self, outlets: Sequence[Outlet]) -> None:
        """Give up what is due at outlets that are gone, and take up what was given up at those that are back."""
        known = [outlet.name for outlet in outlets]
        if back := await self._writer.run(outbox.take_up_known, known, self._clock.now()):
            log.info("deliveries_taken_up_again", count=back)
        if gone := await self._writer.run(outbox.give_up_unknown, known):
            log.error("deliveries_without_outlet", count=gone, remedy="name the outlet in channelwatch.toml again")

    def _open(self, outlets: Sequence[Outlet]) -> None:
        for outlet in outlets:
            lane = Lane(
                outlet,
                self._writer,
                self._clock,
                self._windows,
                partners=self._partners,
                lease=self._lease,
                deadline=self._deadline,
                backoff=self._backoff,
            )
            task = asyncio.create_task(lane.run(), name=f"lane {outlet.name}")
            self._lanes[task] = lane
            task.add_done_callback(self._lane_ended)

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        """Forget a lane that left; one that failed ends the pump, since nobody would miss a lane alone."""
        self._lanes.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a lane ended", lane=task.get_name(), exc_info=error)
            self._stopped.set()

    def _partners(self, account: str) -> list[str]:
        return [outlet.name for outlet in self._outlets if outlet.account == account]
