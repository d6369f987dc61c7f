"""One Telethon client, kept alive for ever: connect, watch, rebuild.

What Telethon does by itself and we do not want is switched off, and why:

* Its own reconnecting (`auto_reconnect`): it would come back without telling us, and what was published in between
  would be missed. A cut ends the client; we build the next.
* Its update loop: it holds updates back at a gap, asks for differences without regard to pacing, drops posts
  when it is too far behind, and dies of one unknown constructor. We take updates at the door, before it sees them:
  they are hints, the ledger finds what they miss.

What it does not do at all: calls without an answer never end (each of ours has a deadline), a half-open line is
noticed after minutes (we probe), and its background tasks can die unseen (we watch them).
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from telethon import TelegramClient
from telethon.tl import TLObject, functions, types

from channelwatch.clock import Clock
from channelwatch.config.model import Secrets, TelegramConfig
from channelwatch.errors import LineDown, LoginNeeded, TelegramError
from channelwatch.telegram.failures import translate
from channelwatch.telegram.keyfile import Key
from channelwatch.telegram.server import close_client, open_client

log = logging.getLogger(__name__)

DEADLINE = 15.0
"""Seconds that any one call may take."""
CONNECT_DEADLINE = 30.0
PROBE_EVERY = 30.0
PROBE_DEADLINE = 10.0
MISSES = 2
"""Probes or calls in a row without an answer, after which the client is rebuilt."""
BACKOFF = (1.0, 300.0)
"""Seconds between attempts to connect: the first and the longest; doubled each time, jittered."""
STEADY = 60.0
"""A line that held so many seconds resets the back-off."""
ASLEEP = 30.0
"""When a wait took this many seconds longer than it should, the machine slept: the line counts as new.
So it does when the clock was set back this far, since what is due was reckoned by the old time."""
SKEW_EVERY = 3600.0
SKEW_LIMIT = 10.0
"""Telethon ignores answers when the clocks differ by more than 30 s back or 300 s ahead; we warn long before."""

State = Literal["connecting", "up", "down", "login needed"]


class _Door(asyncio.Queue[Any]):
    """Takes Telethon's updates the moment they arrive, instead of queueing them for its update loop."""

    def __init__(self, take: Callable[[Any], None]) -> None:
        super().__init__()
        self._take = take

    def put_nowait(self, item: Any) -> None:
        """Hand the update over; an error stays here."""
        try:
            self._take(item)
        except Exception:
            log.exception("an update could not be taken; the next sweep reads what it was about")


class Supervisor:
    """Keeps one client connected and makes calls through it.

    `on_updates` gets every Updates object as it arrives; `on_connected` is called each time a line stands (the first
    too); `on_lost` when the login is gone. None of them may block.
    """

    def __init__(
        self,
        key: Key,
        config: TelegramConfig,
        secrets: Secrets,
        clock: Clock,
        *,
        probe_every: float = PROBE_EVERY,
        backoff: tuple[float, float] = BACKOFF,
        deadline: float = DEADLINE,
        skew_every: float = SKEW_EVERY,
    ) -> None:
        """Prepare; `run` connects. The four times are parameters for tests that wait."""
        self.state: State = "connecting"
        self.since: datetime = clock.now()
        self.reason = ""
        self.skew: float | None = None
        """Seconds that the server's clock is ahead of ours, when last asked."""
        self.lost: LoginNeeded | None = None
        self.on_updates: Callable[[Any], None] = lambda updates: None
        self.on_connected: Callable[[], None] = lambda: None
        self.on_lost: Callable[[LoginNeeded], None] = lambda error: None
        self._key = key
        self._config = config
        self._secrets = secrets
        self._clock = clock
        self._probe_every = probe_every
        self._backoff = backoff
        self._deadline = deadline
        self._skew_every = skew_every
        self._client: TelegramClient | None = None
        self._calls: set[asyncio.Future[Any]] = set()
        self._misses = 0
        self._last_answer = 0.0
        self._sick = asyncio.Event()
        self._up = asyncio.Event()

    async def up(self) -> None:
        """Return as soon as the line stands; raise LoginNeeded when it never will."""
        while not self._up.is_set():
            if self.lost is not None:
                raise self.lost
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._up.wait()

    async def run(self) -> None:
        """Keep the line up until cancelled.

        Raises LoginNeeded (or ConfigError) only where no line has ever stood; a login lost later is told by `on_lost`,
        and every call raises it from then on.
        """
        wait = 0.0
        ever = False
        try:
            while True:
                if wait:
                    await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 jitter, no secret
                started = self._clock.monotonic()
                try:
                    client = await self._connect()
                    ever = True
                    self._set("up")
                    self.on_connected()
                    await self._watch(client)
                except LoginNeeded as error:
                    if not ever:
                        raise
                    self._lose(error)
                except TelegramError as error:
                    log.warning("the line to Telegram is down: %s", error)
                    self._set("down", str(error))
                finally:
                    await self._drop()
                if self.lost is not None:
                    await asyncio.Event().wait()  # a new login needs a new start; the rest of the daemon goes on
                steady = self._clock.monotonic() - started >= STEADY
                wait = min(max(wait * 2, self._backoff[0]), self._backoff[1]) if not steady else self._backoff[0]
        finally:
            self._set("down", "stopped")

    async def ask(self, request: TLObject, method: str, *, deadline: float | None = None) -> Any:
        """Make one call; raise only errors of ours. `method` is Telegram's own name of it."""
        if self.lost is not None:
            raise self.lost
        client = self._client
        if client is None or not self._up.is_set():
            raise LineDown(f"{method}: there is no line to Telegram", retry_after=1.0)
        try:
            return await self._call(client, request, method, deadline or self._deadline)
        except LoginNeeded as error:
            if client.session is not None and client.session.dc_id != self._key.dc_id:
                # Told to go to another data centre, Telethon threw the key away. Ours still holds: start anew.
                self._sick.set()
                raise LineDown(f"{method}: Telegram sent us to another data centre") from error
            self._lose(error)
            raise

    async def _call(self, client: TelegramClient, request: TLObject, method: str, deadline: float) -> Any:
        task = asyncio.ensure_future(client(request))
        self._calls.add(task)
        try:
            async with asyncio.timeout(deadline):  # wait_for of Python 3.11 can swallow a cancellation
                answer = await task
        except asyncio.CancelledError as error:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            self._cut()  # Telethon cancels what waits when the line is cut
            raise translate(error, method) from error
        except TimeoutError as error:
            self._misses += 1
            if self._misses >= MISSES:
                self._sick.set()
            raise translate(error, method) from error
        except (OSError, EOFError) as error:
            self._cut()
            raise translate(error, method) from error
        except Exception as error:
            self._answered()
            raise translate(error, method) from error
        finally:
            self._calls.discard(task)
        self._answered()
        return answer

    def _cut(self) -> None:
        """Let nobody call through a line that is known to be cut, before `run` has noticed it."""
        self._sick.set()
        self._up.clear()
        if self.state == "up":
            self._set("down", "the line was cut")

    def _answered(self) -> None:
        self._misses = 0
        self._last_answer = self._clock.monotonic()

    async def _connect(self) -> TelegramClient:
        """Build a client and prove that it can call; raise our errors."""
        self._set("connecting", self.reason)
        self._misses = 0
        self._sick.clear()
        client = open_client(
            self._key.session(self._config),
            self._config,
            self._secrets,
            auto_reconnect=False,
            receive_updates=True,
            request_retries=0,  # after a 5xx Telethon would sleep and repeat unpaced; the planner does it better
        )
        client._updates_queue = client._sender._updates_queue = _Door(self._take)
        self._client = client
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                await client.connect()
        except asyncio.CancelledError as error:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            raise translate(error, "connect") from error
        except Exception as error:
            raise translate(error, "connect") from error
        await self._call(
            client, functions.users.GetUsersRequest([types.InputUserSelf()]), "users.getUsers", self._deadline
        )
        await self._check_clock(client)
        return client

    async def _watch(self, client: TelegramClient) -> None:
        """Return never; raise LineDown when the client must be rebuilt."""
        sick = asyncio.ensure_future(self._sick.wait())
        ends = {asyncio.ensure_future(client.disconnected), client._updates_handle, client._keepalive_handle, sick}
        next_clock = self._clock.monotonic() + self._skew_every
        try:
            while True:
                before, before_wall = self._clock.monotonic(), self._clock.now()
                done, _ = await asyncio.wait(ends, timeout=self._probe_every, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    raise self._end(done, sick)
                now = self._clock.monotonic()
                # Linux stops the monotonic clock in a suspend, but not while a process is stopped: ask both.
                passed, wall = now - before, (self._clock.now() - before_wall).total_seconds()
                if max(passed, wall) > self._probe_every + ASLEEP or wall < passed - ASLEEP:
                    log.warning("the machine slept or its clock was set (%.0f s): everything counts as missed", wall)
                    self.on_connected()
                    next_clock = now
                if now - self._last_answer >= self._probe_every:
                    with suppress(TelegramError):
                        await self._call(
                            client,
                            functions.updates.GetStateRequest(),
                            "updates.getState",
                            min(PROBE_DEADLINE, self._deadline),
                        )
                if now >= next_clock:
                    next_clock = now + self._skew_every
                    with suppress(TelegramError):
                        await self._check_clock(client)
        finally:
            sick.cancel()
            for end in ends:
                with suppress(asyncio.CancelledError, Exception):
                    if end.done():
                        end.exception()  # or asyncio complains that nobody looked

    def _end(self, done: set[Any], sick: Any) -> TelegramError:
        for end in done:
            error = None if end.cancelled() else end.exception()
            if error is not None:
                return translate(error, "line")
        if sick in done:
            return LineDown("Telegram does not answer")
        return LineDown("the line was cut")

    async def _check_clock(self, client: TelegramClient) -> None:
        config = await self._call(client, functions.help.GetConfigRequest(), "help.getConfig", self._deadline)
        self.skew = (config.date - self._clock.now()).total_seconds()
        if abs(self.skew) > SKEW_LIMIT:
            log.error("this machine's clock is %.0f s off Telegram's: set it, or Telegram will not be heard", self.skew)

    def _take(self, updates: Any) -> None:
        self._last_answer = self._clock.monotonic()
        self.on_updates(updates)

    def _lose(self, error: LoginNeeded) -> None:
        if self.lost is None:
            log.error("the Telegram login is lost: %s", error)
            self.lost = error
            self._set("login needed", str(error))
            self._sick.set()
            self.on_lost(error)

    async def _drop(self) -> None:
        """Take the client down, whatever state it is in."""
        client, self._client = self._client, None
        for call in list(self._calls):
            call.cancel()
        if client is not None:
            await close_client(client)

    def _set(self, state: State, reason: str = "") -> None:
        if self.lost is not None and state != "login needed":
            state, reason = "login needed", str(self.lost)
        if state != self.state:
            self.state, self.since = state, self._clock.now().astimezone(UTC)
        self.reason = reason
        if state == "up":
            self._up.set()
        else:
            self._up.clear()
