"""The data centre: a TCP server on loopback that speaks MTProto and serves a World.

::

    world = World(seed=1)
    me = world.add_user(phone="+9996620001")
    news = world.add_channel("border_news")
    world.join(me, news)
    dc = DataCentre(world)
    await dc.start()
    dc.post(news, "Козинка: тревога")
    await dc.stop()

Everything runs in the event loop that called `start`; call the methods below from that loop only.
"""

import asyncio
import contextlib
import struct
from collections import Counter
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from telethon.tl import types

from channelwatch.simulator import wire
from channelwatch.simulator.dispatch import dispatch
from channelwatch.simulator.faults import Action, Chaos, Faults
from channelwatch.simulator.handshake import PUBLIC_KEY_FILE
from channelwatch.simulator.publishing import Publishing
from channelwatch.simulator.session import Line, Session
from channelwatch.simulator.world import User, World

HOST = "127.0.0.1"
OLDEST, NEWEST = 300, 30
"""How far (seconds) a client's message id may lie behind or ahead of the server's clock."""

for _module in ("account", "login", "reading", "updates"):
    import_module(f".{_module}", __package__)  # each fills the table of requests


class DataCentre(Publishing):
    """One data centre. Restart on the same port by `stop` and `start`; the world and its keys stay.

    For checkers: `calls` (by method, Telegram's spelling), `unknown_calls`, `crashes` (must stay empty).
    """

    def __init__(
        self, world: World, *, port: int = 0, seed: int = 0, require_login: bool = True, dc_id: int = 2
    ) -> None:
        """Port 0 takes a free one. Without `require_login` every new key is logged in as the first user."""
        self.world = world
        self.host = HOST
        self.port = port
        self.dc_id = dc_id
        self.require_login = require_login
        self.rsa_key_file: Path = PUBLIC_KEY_FILE
        self.calls: Counter[str] = Counter()
        self.unknown_calls: Counter[str] = Counter()
        self.crashes: list[Exception] = []
        self.random = Random(seed)
        self.faults = Faults(self.random)
        self.chaos = Chaos()
        self.clock_skew = 0.0
        """Seconds by which the server's clock is ahead of the machine's."""
        self.too_long_over = 100
        """A difference over more updates than this is answered "too long"."""
        self.page_limit = 100
        """History pages are never longer, whatever was asked."""
        self.overlap = 0
        """An ascending history page brings so many posts from below the offset too."""
        self.gzip_over = 0
        """Answers longer than this are gzipped; 0 = never."""
        self.first_client = asyncio.Event()
        """Set once a client that is logged in has asked for something."""
        self.slots: dict[str, Any] = {}
        """Free for other modules."""
        self.sessions: dict[tuple[int, int], Session] = {}
        self._server: asyncio.Server | None = None
        self._lines: dict[Line, asyncio.Task[None] | None] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._black_until = 0.0
        self._init_publishing()

    # Running

    async def start(self) -> None:
        """Listen; `port` is known afterwards."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]
        self.world.centres[self.dc_id] = self

    async def stop(self) -> None:
        """Close everything and wait for it; pushes that wait are lost."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._held.clear()
        if self._server:
            self._server.close()
            self._server = None
        tasks = [task for task in self._lines.values() if task]
        for line in list(self._lines):
            line.cut()
        if tasks:
            await asyncio.wait(tasks)
        self.sessions.clear()

    async def __aenter__(self) -> "DataCentre":
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def time(self) -> float:
        """Return the server's Unix time, skew included."""
        return self.world.clock.now().timestamp() + self.clock_skew

    def now(self) -> int:
        """Return the server's Unix time in whole seconds."""
        return int(self.time())

    # Faults

    def fault(self, method: str, action: Action, *, times: int | None = 1, probability: float = 1.0) -> None:
        """Let the next `times` calls of a method (None: all) suffer an action (see ``faults.Action``).

        `method` is spelled ``messages.getHistory``, ``GetHistory`` or ``*``. Handshakes can't be hit; pings can.
        """
        self.faults.add(method, action, times, probability)

    def cut(self) -> None:
        """Drop all lines."""
        for line in list(self._lines):
            line.cut()

    def black_hole(self, seconds: float, *, for_good: bool = False) -> None:
        """Let nothing through, either way, for some seconds; lines stay open and new ones are accepted.

        With `for_good` the lines that are open now, or are opened meanwhile, never work again.
        """
        self._black_until = max(self._black_until, self.world.clock.monotonic() + seconds)
        if for_good:
            for line in self._lines:
                line.dead = True

    @property
    def is_black(self) -> bool:
        """Tell whether a black hole is on."""
        return self.world.clock.monotonic() < self._black_until

    def salt_change(self) -> None:
        """Give every key a new salt; the old ones are refused at once."""
        for key in self.world.keys.values():
            key.salt = self.random.getrandbits(63)

    def later(self, seconds: float, call: Any, *args: Any) -> None:
        """Call something in some seconds, unless the data centre stops before; never while it does not run."""
        if self._server is None:
            return

        def run() -> None:
            self._timers.discard(timer)
            call(*args)

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)

    # Accounts

    def log_in(self, session: Session, user: User) -> None:
        """Bind the session's key to an account."""
        session.key.user = user

    def log_out(self, user: User) -> None:
        """Revoke every key of an account: its next call gets 401 AUTH_KEY_UNREGISTERED."""
        for key in self.world.keys.values():
            if key.user is user:
                key.user = None

    def forget_keys(self) -> None:
        """Forget every key: clients get transport error -404 and have to make a new one."""
        self.world.keys.clear()
        self.sessions.clear()

    # Lines

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(wire.Full(), writer)
        self._lines[line] = asyncio.current_task()
        try:
            line.framing = await wire.detect(reader)
            while True:
                packet = await line.framing.read(reader)
                if self.is_black or line.dead:
                    continue
                await self._packet(line, packet)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, wire.BadPacket, asyncio.CancelledError):
            pass  # a stream's task must not end cancelled: Python 3.11 reports it as an error at shutdown
        except Exception as error:  # our own mistake: the line ends, the server stays, and it is told
            self.crashes.append(error)
        finally:
            self._lines.pop(line, None)
            for address, session in list(self.sessions.items()):
                if session.line is line:
                    session.line = None
                    del self.sessions[address]
            with contextlib.suppress(asyncio.CancelledError):
                await line.finish()

    async def _packet(self, line: Line, packet: bytes) -> None:
        if len(packet) < 24:
            raise wire.BadPacket("too short")
        (key_id,) = struct.unpack_from("<q", packet)
        if key_id == 0:
            self._plain(line, packet)
            return
        key = self.world.keys.get(key_id)
        if key is None:
            line.error(404)
            return
        salt, session_id, message_id, number, body = wire.decrypt(key, packet)
        session = self.sessions.get((key.id, session_id))
        if session is None:
            session = self.sessions[key.id, session_id] = Session(self, key, session_id, line)
        session.line = line
        if code := self._refused(message_id):
            session.send(bytes(types.BadMsgNotification(message_id, number, code)), content=False)
            return
        if salt != key.salt:
            session.send(bytes(types.BadServerSalt(message_id, number, 48, key.salt)), content=False)
            return
        if not session.announced:
            session.announced = True
            session.send(bytes(types.NewSessionCreated(message_id, self.random.getrandbits(62), key.salt)))
        for inner_id, _, request in list(wire.unpack(message_id, number, body)):
            await dispatch(self, session, inner_id, request)

    def _refused(self, message_id: int) -> int:
        """Return Telegram's code for a message id that can't be right, or 0."""
        if message_id % 4:
            return 18
        age = self.time() - message_id / 2**32
        return 16 if age > OLDEST else 17 if age < -NEWEST else 0

    def _plain(self, line: Line, packet: bytes) -> None:
        _, length = struct.unpack_from("<qi", packet, 8)
        request = wire.read_object(packet[20 : 20 + length])
        answer, key = line.handshake.answer(request, self.now())
        if key is not None:
            self.world.keys[key.id] = key
            if not self.require_login:
                key.user = next(iter(self.world.users.values()), None)
        body = bytes(answer)
        message_id = (int(self.time() * 2**32) & ~3) | 1
        line.send(struct.pack("<qqi", 0, message_id, len(body)) + body)
