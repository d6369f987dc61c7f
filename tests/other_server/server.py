"""An MTProto server made of the ``mtproto`` package: any transport it knows, the key exchange, sessions, requests.

It shares nothing with the simulator. Requests and answers are Telethon's TL classes, because the client under test
reads them with these anyway.
"""

import asyncio
import contextlib
import gzip
import struct
from typing import Any, Self

from mtproto.session.messages import Data, NeedAuthkey, NewSession, UnencryptedData
from telethon.extensions import BinaryReader
from telethon.tl import functions, types

from tests.other_server.bytestring import write_bytes
from tests.other_server.handshake import PUBLIC_KEY_FILE, Agreed, Handshake
from tests.other_server.requests import Desk, Refused
from tests.other_server.session import GZIP_PACKED, ServerSession, unpacked
from tests.other_server.world import Channel

RPC_RESULT, RPC_ERROR, VECTOR = 0xF35C6D01, 0x2144CA19, 0x1CB5C415
GZIP_OVER = 512
"""Answers longer than this are packed."""


class OtherServer:
    """Listens on a loopback port of its own; ``async with`` starts and stops it."""

    host = "127.0.0.1"
    rsa_key_file = PUBLIC_KEY_FILE

    def __init__(self, desk: Desk) -> None:
        """Serve what the desk answers."""
        self.desk = desk
        self.keys: dict[int, Agreed] = {}
        self.salts: dict[int, int] = {}
        """The salt in force, by the key's id."""
        self.layers: set[int] = set()
        """TL layers that clients said they speak."""
        self.crashes: list[Exception] = []
        self.lines: set[_Line] = set()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.desk.address[1]

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.desk.address = (self.host, self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every line, then the port."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Drop every line."""
        for line in self.lines:
            line.writer.transport.abort()

    def push(self, channel: Channel, number: int) -> None:
        """Tell the members' lines of a post."""
        update = types.UpdateNewChannelMessage(channel.posts[number], channel.pts, 1)
        body = bytes(self.desk.news(channel, update))
        for line in self.lines:
            if line.wants_updates and self.desk.account.id in channel.members:
                line.session.queue(body, content_related=True)
                line.flush()

    def change_salts(self) -> None:
        """Let every salt expire, as happens twice an hour."""
        for key_id in self.salts:
            self.salts[key_id] += 1
        for line in self.lines:
            if line.key_id in self.salts:
                line.session.take_salt(self.salts[line.key_id])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(self, writer)
        self.lines.add(line)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            while data := await reader.read(65536):
                line.received(data)
                await writer.drain()
        except OSError:
            pass
        except Exception as error:
            self.crashes.append(error)
        finally:
            self.lines.discard(line)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Line:
    """One connection."""

    def __init__(self, server: OtherServer, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.writer = writer
        self.session = ServerSession()
        self.handshake = Handshake()
        self.key_id = 0
        self.wants_updates = False

    def received(self, data: bytes) -> None:
        """Take what arrived, and answer it."""
        self.session.data_received(data)
        while self.session.has_event and not self.writer.is_closing():
            event = self.session.next_event()
            if isinstance(event, UnencryptedData):
                self._exchange(event.data)
            elif isinstance(event, NeedAuthkey):
                self._find_key(event.auth_key_id)
            elif isinstance(event, NewSession):
                self.session.send_session_created(event.first_message_id or 0)
            elif isinstance(event, Data):
                self._ask(event.message_id, unpacked(event.data))
        self.flush()

    def flush(self) -> None:
        """Send what waits."""
        self.writer.write(self.session.waiting())

    def _exchange(self, request: bytes) -> None:
        self.writer.write(self.session.send_plain(self.handshake.answer(request)))
        if (agreed := self.handshake.agreed) is not None:
            self.server.keys[agreed.id] = agreed
            self.server.salts[agreed.id] = agreed.salt

    def _find_key(self, key_id: int) -> None:
        key = self.server.keys.get(key_id)
        if key is None:
            self.writer.write(self.session.key_unknown())
            self.writer.close()
            return
        self.key_id = key_id
        self.session.take_key(key.auth_key, self.server.salts[key_id])

    def _ask(self, message_id: int, data: bytes) -> None:
        request: Any = BinaryReader(data).tgread_object()
        quiet = False
        while (inner := getattr(request, "query", None)) is not None:
            quiet = quiet or isinstance(request, functions.InvokeWithoutUpdatesRequest)
            if isinstance(request, functions.InvokeWithLayerRequest):
                self.server.layers.add(request.layer)
            request = inner
        if isinstance(request, functions.PingRequest | functions.PingDelayDisconnectRequest):
            self.session.queue(bytes(types.Pong(message_id, request.ping_id)), response=True)
            return
        self.wants_updates = self.wants_updates or not quiet
        try:
            body = written(self.server.desk.answer(self.key_id, request))
        except Refused as refusal:
            body = struct.pack("<Ii", RPC_ERROR, refusal.code) + write_bytes(refusal.name.encode())
        if len(body) > GZIP_OVER:
            body = GZIP_PACKED + write_bytes(gzip.compress(body))
        self.session.queue(struct.pack("<Iq", RPC_RESULT, message_id) + body, content_related=True, response=True)


def written(answer: Any) -> bytes:
    """Return an answer's bytes; a list becomes a vector."""
    if isinstance(answer, list):
        return struct.pack("<Ii", VECTOR, len(answer)) + b"".join(bytes(one) for one in answer)
    return bytes(answer)
