"""The bytes on the line: transports, MTProto 2.0 encryption, containers, gzip. No state of the world in here.

Sources: https://core.telegram.org/mtproto/mtproto-transports and https://core.telegram.org/mtproto/description.
"""

import asyncio
import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from hashlib import sha1, sha256
from typing import Any, Protocol

from telethon.crypto import AES
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import TLObject

CONTAINER = 0x73F1F8DC
GZIP_PACKED = 0x3072CFA1
RPC_RESULT = 0xF35C6D01
VECTOR = 0x1CB5C415
TRUE = struct.pack("<I", 0x997275B5)
FALSE = struct.pack("<I", 0xBC799737)
UNKNOWN_CONSTRUCTOR = struct.pack("<I", 0xDEAD0BAD)
"""An object of a layer that nobody has."""
LONGEST_PACKET = 1 << 24


class BadPacket(Exception):
    """The other side sent bytes that are no MTProto; the line is closed."""


class Framing(Protocol):
    """One of Telegram's TCP transports: cuts the stream into packets."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next packet; raises BadPacket or IncompleteReadError."""
        ...

    def frame(self, packet: bytes) -> bytes:
        """Return the packet as it goes on the line."""
        ...


class Full:
    """``Full``: length, running number, packet, CRC32. What Telethon uses."""

    def __init__(self, first: bytes = b"") -> None:
        """`first`: bytes already taken from the stream."""
        self._first = first
        self._received = 0
        self._sent = 0

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next packet, its number and checksum checked."""
        head = self._first or await reader.readexactly(4)
        self._first = b""
        (length,) = struct.unpack("<i", head)
        if not 12 <= length <= LONGEST_PACKET:
            raise BadPacket(f"a packet of {length} bytes")
        rest = await reader.readexactly(length - 4)
        (number,) = struct.unpack_from("<i", rest)
        (checksum,) = struct.unpack_from("<I", rest, len(rest) - 4)
        if zlib.crc32(rest[:-4], zlib.crc32(head)) != checksum:
            raise BadPacket("wrong checksum")
        if number != self._received:
            raise BadPacket(f"packet number {number} instead of {self._received}")
        self._received += 1
        return rest[4:-4]

    def frame(self, packet: bytes) -> bytes:
        """Return the packet with length, number and checksum."""
        data = struct.pack("<ii", len(packet) + 12, self._sent) + packet
        self._sent += 1
        return data + struct.pack("<I", zlib.crc32(data))


class Abridged:
    """``Abridged``: the length in words, in one byte or four."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next packet."""
        length = (await reader.readexactly(1))[0] & 0x7F
        if length == 0x7F:
            length = int.from_bytes(await reader.readexactly(3), "little")
        return await reader.readexactly(length * 4)

    def frame(self, packet: bytes) -> bytes:
        """Return the packet with its length."""
        words = len(packet) // 4
        return (bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")) + packet


class Intermediate:
    """``Intermediate``: the length in bytes, in four."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next packet."""
        (length,) = struct.unpack("<I", await reader.readexactly(4))
        if length > LONGEST_PACKET:
            raise BadPacket(f"a packet of {length} bytes")
        return await reader.readexactly(length)

    def frame(self, packet: bytes) -> bytes:
        """Return the packet with its length."""
        return struct.pack("<I", len(packet)) + packet


async def detect(reader: asyncio.StreamReader) -> Framing:
    """Return the transport that the client's first bytes announce."""
    first = await reader.readexactly(1)
    if first == b"\xef":
        return Abridged()
    first += await reader.readexactly(3)
    if first == b"\xee\xee\xee\xee":
        return Intermediate()
    return Full(first)


class Key:
    """An authorisation key, its server salt and the user who is logged in with it.

    `slots` is free for other modules (a login in progress, say).
    """

    __slots__ = ("data", "id", "inited", "salt", "slots", "user")

    def __init__(self, data: bytes) -> None:
        """Keep the key; leading zero bytes are cut off, because Telethon cuts them off too."""
        self.data = data.lstrip(b"\0")
        self.id: int = struct.unpack("<q", sha1(self.data).digest()[-8:])[0]
        self.salt: int = struct.unpack("<q", os.urandom(8))[0]
        self.user: Any = None
        self.inited = False
        self.slots: dict[str, Any] = {}


def _aes(key: bytes, message_key: bytes, x: int) -> tuple[bytes, bytes]:
    a = sha256(message_key + key[x : x + 36]).digest()
    b = sha256(key[x + 40 : x + 76] + message_key).digest()
    return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]


def decrypt(key: Key, packet: bytes) -> tuple[int, int, int, int, bytes]:
    """Return (salt, session id, message id, sequence number, body) of a client's packet; raises BadPacket."""
    message_key, cipher = packet[8:24], packet[24:]
    if len(cipher) < 48 or len(cipher) % 16:
        raise BadPacket("an encrypted part of an impossible length")
    plain: bytes = AES.decrypt_ige(cipher, *_aes(key.data, message_key, 0))
    if sha256(key.data[88:120] + plain).digest()[8:24] != message_key:
        raise BadPacket("wrong message key")
    salt, session_id, message_id, number, length = struct.unpack_from("<qqqii", plain)
    if not 0 <= length <= len(plain) - 32 - 12:
        raise BadPacket("wrong inner length")
    return salt, session_id, message_id, number, plain[32 : 32 + length]


def encrypt(key: Key, session_id: int, message_id: int, number: int, body: bytes) -> bytes:
    """Return a server's packet."""
    plain = struct.pack("<qqqii", key.salt, session_id, message_id, number, len(body)) + body
    plain += os.urandom(-(len(plain) + 12) % 16 + 12)
    message_key = sha256(key.data[96:128] + plain).digest()[8:24]
    cipher: bytes = AES.encrypt_ige(plain, *_aes(key.data, message_key, 8))
    return struct.pack("<q", key.id) + message_key + cipher


def unpack(message_id: int, number: int, body: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield (message id, number, object) of each message in a body, out of containers and gzip.

    An object of an unknown constructor comes as a TypeNotFoundError value. Raises BadPacket for bytes that are no TL.
    """
    try:
        yield from _unpack(message_id, number, body)
    except (struct.error, zlib.error, OSError, EOFError, BufferError, IndexError) as error:
        raise BadPacket(f"not TL: {error}") from error


def _unpack(message_id: int, number: int, body: bytes) -> Iterator[tuple[int, int, Any]]:
    (constructor,) = struct.unpack_from("<I", body)
    if constructor == CONTAINER:
        (count,) = struct.unpack_from("<i", body, 4)
        at = 8
        for _ in range(count):
            inner_id, inner_number, length = struct.unpack_from("<qii", body, at)
            at += 16
            yield from _unpack(inner_id, inner_number, body[at : at + length])
            at += length
    elif constructor == GZIP_PACKED:
        reader = BinaryReader(body)
        reader.read_int()
        yield from _unpack(message_id, number, gzip.decompress(reader.tgread_bytes()))
    else:
        yield message_id, number, read_object(body)


def read_object(body: bytes) -> Any:
    """Return the TL object in some bytes, or the TypeNotFoundError of an unknown one; raises BadPacket for others."""
    try:
        return BinaryReader(body).tgread_object()
    except TypeNotFoundError as error:
        return error
    except Exception as error:  # Telethon's readers raise whatever broken bytes lead them to
        raise BadPacket(f"not TL: {error}") from error


class Ready(TLObject):  # type: ignore[misc]
    """An object whose bytes are known already; it goes wherever Telethon's own objects go."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        """Keep the bytes, constructor included."""
        self.data = data

    def _bytes(self) -> bytes:
        return self.data

    def to_dict(self) -> dict[str, Any]:
        """Show the bytes (for logs)."""
        return {"_": "Ready", "data": self.data}


def answer_bytes(value: Any) -> bytes:
    """Return the bytes of an answer: an object, ready bytes, a Bool, or a Vector of objects or longs."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, (list, tuple)):
        items = [struct.pack("<q", item) if isinstance(item, int) else bytes(item) for item in value]
        return struct.pack("<Ii", VECTOR, len(items)) + b"".join(items)
    return bytes(value)


def gzipped(body: bytes) -> bytes:
    """Return a body as gzip_packed."""
    packed: bytes = TLObject.serialize_bytes(gzip.compress(body, 1))
    return struct.pack("<I", GZIP_PACKED) + packed
