"""Reading a page of messages so that one message we can't read spoils nothing but itself.

Telethon reads an answer whole or not at all. Here a page is read message by message, keeping each one's bytes as
the server sent them; at the first that can't be read (a constructor newer than our Telethon) reading stops,
the message's id is taken from its head, and the caller asks for the rest. What comes after the messages (users,
chats) is read only for the channel's own entity.
"""

import logging
import struct
from typing import Any

import msgspec
from telethon.extensions import BinaryReader
from telethon.tl import functions, types

log = logging.getLogger(__name__)

_HEADS = {
    types.Message.CONSTRUCTOR_ID: 12,  # constructor, flags, flags2, id
    types.MessageService.CONSTRUCTOR_ID: 8,  # constructor, flags, id
    types.MessageEmpty.CONSTRUCTOR_ID: 8,
}


class Cut(msgspec.Struct, frozen=True):
    """A message that could not be read, and how many follow it unread."""

    message_id: int | None
    """None where even its head is unknown."""
    error: str
    left: int


class Answer(msgspec.Struct):
    """The messages of one answer, in the server's order, each with its own bytes."""

    messages: list[tuple[Any, bytes | None]]
    cut: Cut | None = None
    chats: list[Any] = []


class History(functions.messages.GetHistoryRequest):  # type: ignore[misc]
    """messages.getHistory, whose answer is an `Answer`."""

    @staticmethod
    def read_result(reader: BinaryReader) -> Answer:
        """Read as far as can be read; never raises for a message's sake."""
        return read(reader)


class ByIds(functions.channels.GetMessagesRequest):  # type: ignore[misc]
    """channels.getMessages, whose answer is an `Answer`."""

    @staticmethod
    def read_result(reader: BinaryReader) -> Answer:
        """Read as far as can be read; never raises for a message's sake."""
        return read(reader)


def read(reader: BinaryReader) -> Answer:
    """Read a ``messages.Messages`` of any kind, message by message."""
    constructor = reader.read_int(signed=False)
    if constructor == types.messages.ChannelMessages.CONSTRUCTOR_ID:
        flags = reader.read_int()
        reader.read(8)  # pts, count
        if flags & 4:
            reader.read_int()  # offset_id_offset
        answer = _messages(reader)
        if answer.cut is None:
            answer.chats = _chats(reader)
        return answer
    reader.seek(-4)
    whole = reader.tgread_object()
    return Answer([(message, None) for message in getattr(whole, "messages", ())], chats=getattr(whole, "chats", []))


def _messages(reader: BinaryReader) -> Answer:
    answer = Answer([])
    reader.read_int()  # the vector's constructor
    count = reader.read_int()
    for number in range(count):
        start = reader.tell_position()
        try:
            message = reader.tgread_object()
        except Exception as error:
            name = type(error).__name__
            code = getattr(error, "invalid_constructor_id", None)
            answer.cut = Cut(
                message_id=_head(reader.get_bytes(), start),
                error=f"{name}: unknown constructor {code:08x}" if isinstance(code, int) else name,
                left=count - number - 1,
            )
            return answer
        answer.messages.append((message, bytes(reader.get_bytes()[start : reader.tell_position()])))
    return answer


def _head(data: bytes, start: int) -> int | None:
    """Return the id of the message that starts at `start`, from its head alone."""
    try:
        (constructor,) = struct.unpack_from("<I", data, start)
        offset = _HEADS.get(constructor)
        return struct.unpack_from("<i", data, start + offset)[0] if offset is not None else None
    except struct.error:
        return None


def _chats(reader: BinaryReader) -> list[Any]:
    try:
        reader.tgread_vector()  # topics
        return list(reader.tgread_vector())
    except Exception:  # an entity newer than our Telethon: the messages are what matters
        log.debug("the chats of an answer could not be read")
        return []
