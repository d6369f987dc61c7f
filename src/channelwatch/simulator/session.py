"""Lines (TCP connections) and sessions (a client's numbered conversation over a key)."""

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Any

from channelwatch.simulator import wire
from channelwatch.simulator.handshake import Handshake
from channelwatch.simulator.rpc import RpcError
from channelwatch.simulator.wire import Framing, Key
from channelwatch.simulator.world import User

if TYPE_CHECKING:
    from channelwatch.simulator.server import DataCentre


class Line:
    """One TCP connection."""

    def __init__(self, framing: Framing, writer: asyncio.StreamWriter) -> None:
        """Start with a detected transport."""
        self.framing = framing
        self.writer = writer
        self.handshake = Handshake()
        self.dead = False
        """Black-holed for good: it stays open, and nothing gets through."""
        self._deadline: asyncio.TimerHandle | None = None

    def send(self, packet: bytes) -> None:
        """Put a packet on the line, unless it is closing."""
        if not (self.dead or self.writer.is_closing()):
            self.writer.write(self.framing.frame(packet))

    def error(self, code: int) -> None:
        """Send a transport error: a bare negative number (-404: unknown key, -429: too many connections)."""
        if code == 429 and isinstance(self.framing, wire.Full):
            self.writer.write(struct.pack("<iii", -429, -429, -429))  # as seen from the real service
        else:
            self.send(struct.pack("<i", -code))

    def cut(self) -> None:
        """Drop the connection at once."""
        self.cancel_deadline()
        self.writer.transport.abort()

    def close_after(self, seconds: float) -> None:
        """Cut the line unless this is called again in time (ping_delay_disconnect)."""
        self.cancel_deadline()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.cut)

    def cancel_deadline(self) -> None:
        """Forget `close_after`."""
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    async def finish(self) -> None:
        """Close and wait until the transport is gone."""
        self.cancel_deadline()
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Session:
    """A client's session; `user` is who is logged in with its key, or None.

    `slots` is free for other modules.
    """

    def __init__(self, dc: "DataCentre", key: Key, session_id: int, line: Line) -> None:
        """Belongs to one key; `line` is the connection it was last heard on."""
        self.dc = dc
        self.key = key
        self.id = session_id
        self.line: Line | None = line
        self.announced = False
        self.wants_updates = False
        self.slots: dict[str, Any] = {}
        self._content = 0
        self._last_id = 0

    @property
    def user(self) -> User | None:
        """Return the account that the key is logged in as."""
        user: User | None = self.key.user
        return user

    @property
    def viewer(self) -> User:
        """Return the account, for handlers that need one; refuses as Telegram does without a login."""
        if self.user is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        return self.user

    def push(self, update: Any) -> None:
        """Send an Updates object (or its bytes)."""
        self.send(wire.answer_bytes(update), answer=False)

    def answer(self, message_id: int, body: bytes) -> None:
        """Send the answer to a request."""
        if 0 < self.dc.gzip_over < len(body):
            body = wire.gzipped(body)
        self.send(struct.pack("<Iq", wire.RPC_RESULT, message_id) + body)

    def send(self, body: bytes, *, answer: bool = True, content: bool = True) -> None:
        """Encrypt and send one message; nothing happens where the session has no line."""
        if self.line is None or self.dc.is_black:
            return
        number = self._content * 2 + content
        self._content += content
        message_id = self._next_id(1 if answer else 3)
        self.line.send(wire.encrypt(self.key, self.id, message_id, number, body))

    def _next_id(self, kind: int) -> int:
        """Return a rising message id near the server's time, 1 or 3 modulo 4."""
        now = self.dc.time()
        fresh = (int(now * 2**32) & ~3) | kind
        if fresh <= self._last_id < fresh + (2 << 32):
            fresh = (self._last_id & ~3) + 4 + kind
        self._last_id = fresh
        return fresh
