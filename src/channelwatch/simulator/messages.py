"""Posts as TL bytes: each post is serialised once and kept until it changes."""

from collections.abc import Iterable
from typing import Any

from telethon.tl import types

from channelwatch.simulator.wire import UNKNOWN_CONSTRUCTOR, Ready

LAT, LON = 50.487, 36.126
"""Where a geo stub points: Kozinka."""


class SimPost:
    """One post; call `changed` after an assignment."""

    __slots__ = (
        "_bytes",
        "action",
        "album",
        "author",
        "date",
        "deleted",
        "edit_hide",
        "edited",
        "entities",
        "forward",
        "forwards",
        "id",
        "media",
        "reactions",
        "replies",
        "reply_to",
        "text",
        "views",
    )

    def __init__(
        self,
        id: int,
        date: int,
        text: str,
        *,
        edited: int = 0,
        views: int | None = None,
        forwards: int | None = None,
        media: Any = None,
        album: int | None = None,
        reply_to: int | None = None,
        entities: tuple[Any, ...] = (),
        forward: Any = None,
        action: Any = None,
        author: str | None = None,
    ) -> None:
        """`media`, `entities`, `forward` (MessageFwdHeader) and `action` (service messages) are TL objects."""
        self.id = id
        self.date = date
        self.text = text
        self.edited = edited
        self.edit_hide = False
        self.views = views
        self.forwards = forwards
        self.media = media
        self.album = album
        self.reply_to = reply_to
        self.entities = entities
        self.forward = forward
        self.action = action
        self.author = author
        self.replies: int | None = None
        self.reactions: dict[str, int] = {}
        self.deleted = False
        self._bytes: bytes | None = None

    def changed(self) -> None:
        """Forget the bytes."""
        self._bytes = None

    def ready(self, channel_id: int) -> Ready:
        """Return the message as it goes on the line."""
        if self._bytes is None:
            self._bytes = bytes(self._message(channel_id))
        return Ready(self._bytes)

    def _message(self, channel_id: int) -> Any:
        peer = types.PeerChannel(channel_id)
        reply = types.MessageReplyHeader(reply_to_msg_id=self.reply_to) if self.reply_to else None
        if self.action is not None:
            return types.MessageService(
                id=self.id, peer_id=peer, date=self.date, action=self.action, post=True, reply_to=reply
            )
        counted = self.views is not None or self.forwards is not None
        return types.Message(
            id=self.id,
            peer_id=peer,
            date=self.date,
            message=self.text,
            post=True,
            edit_date=self.edited or None,
            edit_hide=self.edit_hide or None,
            views=(self.views or 0) if counted else None,
            forwards=(self.forwards or 0) if counted else None,
            media=self.media,
            entities=list(self.entities) or None,
            fwd_from=self.forward,
            reply_to=reply,
            grouped_id=self.album,
            post_author=self.author,
            replies=None if self.replies is None else types.MessageReplies(self.replies, 0),
            reactions=types.MessageReactions([_reaction(*item) for item in self.reactions.items()])
            if self.reactions
            else None,
        )


def _reaction(key: str, count: int) -> Any:
    """Return a counted reaction: an emoji, or ``custom:<document id>``."""
    custom = key.removeprefix("custom:")
    kind = types.ReactionEmoji(key) if custom == key else types.ReactionCustomEmoji(int(custom))
    return types.ReactionCount(kind, count)


def empty(channel_id: int, message_id: int) -> Any:
    """Return what an id without a post is answered with."""
    return types.MessageEmpty(id=message_id, peer_id=types.PeerChannel(channel_id))


def _document(media_id: int, mime: str, name: str, *attributes: Any) -> Any:
    file_name = types.DocumentAttributeFilename(name)
    return types.Document(
        id=media_id,
        access_hash=media_id ^ 0x5EED,
        file_reference=b"",
        date=0,
        mime_type=mime,
        size=1000,
        dc_id=2,
        attributes=[*attributes, file_name],
    )


def poll(question: str, answers: Iterable[str], media_id: int = 1) -> Any:
    """Return a poll."""
    return types.MessageMediaPoll(
        types.Poll(
            id=media_id,
            question=types.TextWithEntities(question, []),
            answers=[
                types.PollAnswer(types.TextWithEntities(text, []), bytes([number]))
                for number, text in enumerate(answers)
            ],
            hash=0,
        ),
        types.PollResults(),
    )


def media(kind: Any, media_id: int) -> Any:
    """Return a stub without a file behind it; a TL object passes through. Raises ValueError for an unknown kind.

    Kinds: photo, document, video, audio, voice, poll, geo, webpage, contact, and ``unknown``: a constructor that
    no client can read, so that the whole page, push or difference around it can't be read either.
    """
    if not isinstance(kind, str):
        return kind
    match kind:
        case "photo":
            size = types.PhotoSize("x", 800, 600, 1000)
            return types.MessageMediaPhoto(photo=types.Photo(media_id, media_id ^ 0x5EED, b"", 0, [size], 2))
        case "document":
            return types.MessageMediaDocument(document=_document(media_id, "application/pdf", "map.pdf"))
        case "video":
            attribute = types.DocumentAttributeVideo(12.0, 640, 480)
            return types.MessageMediaDocument(video=True, document=_document(media_id, "video/mp4", "v.mp4", attribute))
        case "audio":
            attribute = types.DocumentAttributeAudio(60)
            return types.MessageMediaDocument(document=_document(media_id, "audio/mpeg", "a.mp3", attribute))
        case "voice":
            attribute = types.DocumentAttributeAudio(5, voice=True)
            return types.MessageMediaDocument(voice=True, document=_document(media_id, "audio/ogg", "v.ogg", attribute))
        case "poll":
            return poll("Что дальше?", ["Да", "Нет"], media_id)
        case "geo":
            return types.MessageMediaGeo(types.GeoPoint(LON, LAT, 0))
        case "webpage":
            page = types.WebPage(media_id, "https://example.org/story", "example.org/story", 0, title="Story")
            return types.MessageMediaWebPage(page)
        case "contact":
            return types.MessageMediaContact("+9996620000", "Anna", "", "", 0)
        case "unknown":
            return Ready(UNKNOWN_CONSTRUCTOR)
    raise ValueError(f"unknown media kind {kind!r}")


_ENTITIES = {
    "bold": types.MessageEntityBold,
    "italic": types.MessageEntityItalic,
    "underline": types.MessageEntityUnderline,
    "strikethrough": types.MessageEntityStrike,
    "spoiler": types.MessageEntitySpoiler,
    "code": types.MessageEntityCode,
    "url": types.MessageEntityUrl,
    "mention": types.MessageEntityMention,
    "hashtag": types.MessageEntityHashtag,
}


def entities(text: str, marks: Iterable[Any]) -> tuple[Any, ...]:
    """Return TL entities out of ``(kind, start, end[, url])`` in code points (TL objects pass through).

    Telegram counts UTF-16 units. Kinds are spelled as in the Bot API; raises ValueError for an unknown one.
    """
    made = []
    for mark in marks:
        if not isinstance(mark, (tuple, list)):
            made.append(mark)
            continue
        kind, start, end, *rest = mark
        offset = _units(text[:start])
        length = _units(text[start:end])
        if kind == "text_link":
            made.append(types.MessageEntityTextUrl(offset, length, rest[0]))
        elif kind in _ENTITIES:
            made.append(_ENTITIES[kind](offset, length))
        else:
            raise ValueError(f"unknown entity kind {kind!r}")
    return tuple(made)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
