"""One outlet's lane: claim a delivery, send it under a deadline, record what became of it; one layer of retries.

What a failure means, in this order:

* asked to pause → every outlet of the account rests as long as the far side said, and it is sent again;
* markup not understood → at once again, as plain text;
* the outlet is at fault (wrong token, chat not found, bot blocked) → it rests, longer and longer, until it is accepted
  or the configuration is read again; nothing dies by it;
* the message is at fault → dead, with the reason;
* the answer was lost → once more, marked "(may repeat)", and only after the far side answers a harmless call; lost a
  second time → dead, with a reason that says so;
* anything else → again, later and later.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from channelwatch.alerts import wording
from channelwatch.archive import outbox
from channelwatch.archive.outbox import Claimed
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock, iso
from channelwatch.errors import ArchiveBusy, ArchiveError, OutletError
from channelwatch.outlets import Message, Outlet
from channelwatch.service.windows import Windows

log = structlog.get_logger(__name__)

DEADLINE = 20.0
"""Seconds for one send, whatever the outlet itself allows."""

LEASE = 60.0
"""Seconds that a claim lasts; three deadlines, so that only a crash or a frozen machine lets it expire."""

SAFETY = 5.0
"""Seconds after which a lane looks without being woken."""

_LOST = "an answer was lost; "
"""Begins the error of a delivery once an answer was lost: a second loss ends it, a crash in between does not."""

BACKOFF = 1.0
"""Seconds before the first retry; each further one waits twice as long, at most a minute."""

_PATIENCE = 2.0
"""Seconds that a rate may keep a lane that drains from leaving."""

_LAST_RETRY = 60.0
_LONGEST_REST = 30.0


class Lane:
    """Sends the deliveries of one outlet, one after another."""

    def __init__(
        self,
        outlet: Outlet,
        writer: Writer,
        clock: Clock,
        windows: Windows,
        *,
        partners: Callable[[str], Sequence[str]],
        lease: float = LEASE,
        deadline: float = DEADLINE,
        backoff: float = BACKOFF,
    ) -> None:
        """`partners` names the outlets of an account: they pause together."""
        self.outlet = outlet
        self.last_sent: datetime | None = None
        """When a message last arrived."""
        self._writer = writer
        self._clock = clock
        self._windows = windows
        self._partners = partners
        self._lease = lease
        self._deadline = deadline
        self._backoff = backoff
        self._woken = asyncio.Event()
        self._draining = False
        self._retired = False
        self._fresh = True

    def wake(self) -> None:
        """Say that something may be due."""
        self._woken.set()

    def drain(self) -> None:
        """Leave as soon as nothing can be sent any more without waiting for a retry or the end of a pause."""
        self._draining = True
        self.wake()

    def retire(self) -> None:
        """Leave after the send in hand; another lane takes what is left."""
        self._retired = True
        self.wake()

    async def run(self) -> None:
        """Send until drained or retired, then close the outlet."""
        failures = 0
        try:
            while not self._retired:
                self._woken.clear()
                try:
                    outcome = await self._next()
                except ArchiveError as error:
                    say = log.debug if isinstance(error, ArchiveBusy) else log.warning  # the daemon tells of a busy one
                    say("outbox_unreachable", outlet=self.outlet.name, error=str(error))
                    outcome = False
                except Exception:
                    log.exception("lane_failed", outlet=self.outlet.name)
                    outcome = False
                if outcome is None or outcome is False:
                    if self._draining:
                        return
                    failures = 0 if outcome is None else failures + 1
                    # one failure concerns one message, several in a row the outlet: then the whole lane rests
                    tired = self._backoff * 2.0 ** min(failures - 2, 9) if failures > 1 else 0.0
                    await self._rest(min(tired, _LONGEST_REST))
                else:
                    failures = 0
        finally:
            await self.outlet.close()

    async def _rest(self, seconds: float) -> None:
        """Sleep some seconds; without any, until woken or something falls due."""
        if seconds > 0:
            await asyncio.sleep(seconds)
            return
        due = None
        with contextlib.suppress(ArchiveError):  # then it looks again when the safety timer says so
            due = await self._writer.run(outbox.next_due, self.outlet.name)
        wait = SAFETY if due is None else (due - self._clock.now()).total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(SAFETY, max(0.01, wait))):  # wait_for of 3.11 can swallow a cancellation
                await self._woken.wait()

    async def _next(self) -> bool | None:
        """Send the next delivery: True when it is settled, False when it must be tried again, None when none is due."""
        if self._fresh:  # its settings may have been corrected
            await self._writer.run(outbox.forgive, self.outlet.name)
            self._fresh = False
        rates = self.outlet.rates
        # Before the claim, so that the most urgent is chosen last.
        while (wait := self._windows.take(rates)) > 0:
            if self._draining and wait > _PATIENCE:
                return None
            await asyncio.sleep(wait)
        claimed = []
        if not self._retired:
            claimed = await self._writer.run(outbox.claim, self.outlet.name, self._clock.now(), lease=self._lease)
        if not claimed:
            self._windows.give_back(rates)
            return None
        return await self._attempt(claimed[0])

    async def _attempt(self, delivery: Claimed) -> bool:
        message = Message(
            body=delivery.body,
            alert=delivery.alert,
            part=delivery.part,
            severity=delivery.severity,
            repeat=delivery.ambiguous > 0,
        )
        try:
            if message.repeat:
                await self._reach()
            remote_id = await self._send(message)
        except OutletError as error:
            return await self._failed(delivery, error)
        self.last_sent = self._clock.now()
        await self._record_sent(delivery, remote_id, self.last_sent)
        return True

    async def _record_sent(self, delivery: Claimed, remote_id: str, now: datetime) -> None:
        """Record that it arrived, however long the archive is busy: what is not recorded is sent once more."""
        told = False
        while True:
            try:
                await self._writer.run(outbox.sent, delivery.id, remote_id, now)
            except ArchiveBusy as error:
                say, told = log.debug if told else log.warning, True
                say("sent_but_not_recorded", outlet=self.outlet.name, alert=delivery.alert, error=str(error))
                await asyncio.sleep(error.retry_after or 1.0)
            else:
                return

    async def _reach(self) -> None:
        """Return when the far side answers; a message that may have arrived is not sent into the dark again."""
        try:
            async with asyncio.timeout(self._deadline):
                await self.outlet.check()
        except TimeoutError:
            problem = OutletError("no answer")
        except OutletError as error:
            problem = OutletError(
                str(error), permanent=error.permanent, outlet_fault=error.outlet_fault, retry_after=error.retry_after
            )
        else:
            return
        raise problem

    async def _send(self, message: Message) -> str:
        """Send under the deadline; once more as plain text where the markup was not understood."""
        try:
            async with asyncio.timeout(self._deadline):
                return await self.outlet.send(message)
        except TimeoutError:
            problem = OutletError(f"no answer within {self._deadline:g} s", ambiguous=True)
        except OutletError as error:
            if not error.badly_formed:
                raise
            if message.plain:
                problem = OutletError(f"not understood even as plain text: {error}", permanent=True)
            else:
                log.warning("markup_refused", outlet=self.outlet.name, alert=message.alert, error=str(error))
                body = wording.without_markup(message.body)
                plain = Message(body, message.alert, message.part, message.severity, message.repeat, plain=True)
                return await self._send(plain)
        raise problem

    async def _rest_at_fault(self, delivery: Claimed, said: str, now: datetime, *, ambiguous: bool) -> None:
        """Let the outlet rest, and keep the delivery; what was said to a retired lane says nothing of the next one."""
        if self._retired:
            await self._writer.run(outbox.retry, delivery.id, now, said, ambiguous=ambiguous)
            return
        until = await self._writer.run(outbox.refused, delivery.id, said, now, ambiguous=ambiguous)
        log.error("outlet_at_fault", outlet=self.outlet.name, error=said, rests_until=iso(until))

    async def _failed(self, delivery: Claimed, error: OutletError) -> bool:
        """Record a failed attempt; return whether the lane may go on at once."""
        now = self._clock.now()
        lost = (delivery.error or "").startswith(_LOST)
        name, said = self.outlet.name, (_LOST if lost or error.ambiguous else "") + str(error)
        if error.retry_after is not None:
            until = now + timedelta(seconds=error.retry_after)
            await self._writer.run(outbox.pause, self._partners(self.outlet.account), until, said, now)
            await self._writer.run(outbox.retry, delivery.id, until, said)
            log.warning("outlet_pauses", outlet=name, seconds=error.retry_after)
            return True
        if error.outlet_fault:
            await self._rest_at_fault(delivery, said, now, ambiguous=error.ambiguous)
            return True
        if error.permanent or (error.ambiguous and lost):
            if error.ambiguous:
                said = f"{said}; twice now: it has probably arrived"
            await self._writer.run(outbox.dead, delivery.id, said, ambiguous=error.ambiguous)
            log.error("delivery_dead", outlet=name, alert=delivery.alert, part=delivery.part, error=said)
            return True
        later = now + timedelta(seconds=min(self._backoff * 2.0 ** min(delivery.attempts - 1, 9), _LAST_RETRY))
        await self._writer.run(outbox.retry, delivery.id, later, said, ambiguous=error.ambiguous)
        log.warning("delivery_retried", outlet=name, alert=delivery.alert, attempt=delivery.attempts, error=said)
        return False
