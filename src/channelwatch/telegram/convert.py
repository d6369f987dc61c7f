"""From Telethon's messages to our posts: total (never raises), tolerant and fast.

What is easy to get wrong:

* Telegram counts entity offsets in UTF-16 units; we keep code points.
* A text must be storable as UTF-8 and readable by any SQLite tool: a lone surrogate and NUL become U+FFFD
  (the message's own bytes stay in ``raw``). Pairs of surrogates are joined.
* A reaction arrives as an edit: with ``edit_hide`` the edit date is not an edit of the text.
* The text of a poll, a checklist, a venue or a rich message lies in its media; it is taken as the post's text
  where the message has none, so that it can be searched.
"""

import logging
import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from telethon.tl import TLObject, types

from channelwatch.post import ChannelInfo, Entity, Forward, Post, PostKind

log = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REPLACEMENT = "�"
TEXT_LIMIT = 65_536
"""Code points kept of a text; Telegram's own limit is 4,096, with some room for whatever a server may send."""

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_ENTITY_KINDS = {
    types.MessageEntityMention: "mention",
    types.MessageEntityHashtag: "hashtag",
    types.MessageEntityBotCommand: "bot_command",
    types.MessageEntityUrl: "url",
    types.MessageEntityEmail: "email",
    types.MessageEntityBold: "bold",
    types.MessageEntityItalic: "italic",
    types.MessageEntityCode: "code",
    types.MessageEntityPre: "pre",
    types.MessageEntityTextUrl: "text_link",
    types.MessageEntityMentionName: "text_mention",
    types.InputMessageEntityMentionName: "text_mention",
    types.MessageEntityPhone: "phone_number",
    types.MessageEntityCashtag: "cashtag",
    types.MessageEntityUnderline: "underline",
    types.MessageEntityStrike: "strikethrough",
    types.MessageEntitySpoiler: "spoiler",
    types.MessageEntityCustomEmoji: "custom_emoji",
    types.MessageEntityBlockquote: "blockquote",
}

_MEDIA_KINDS = {
    types.MessageMediaPhoto: "photo",
    types.MessageMediaWebPage: "link",
    types.MessageMediaGeo: "geo",
    types.MessageMediaGeoLive: "geo",
    types.MessageMediaVenue: "venue",
    types.MessageMediaContact: "contact",
    types.MessageMediaPoll: "poll",
    types.MessageMediaDice: "dice",
    types.MessageMediaGame: "game",
    types.MessageMediaInvoice: "invoice",
    types.MessageMediaStory: "story",
    types.MessageMediaToDo: "checklist",
    types.MessageMediaPaidMedia: "paid_media",
    types.MessageMediaGiveaway: "giveaway",
    types.MessageMediaUnsupported: "unsupported",
}


def post(message: Any, channel_id: int, raw: bytes | None = None) -> Post:
    """Return the post that a Telethon message of any kind is; never raises.

    `raw` is the message as it stood in the server's answer; without it the message is serialised again. What can't
    be understood becomes a post of kind ``unsupported`` with whatever could be read.
    """
    try:
        return _post(message, channel_id, raw)
    except Exception:
        log.warning("message %s of channel %d could not be read in full", getattr(message, "id", "?"), channel_id)
        return _least(message, channel_id, raw)


def _post(message: Any, channel_id: int, raw: bytes | None) -> Post:
    text = message.message
    media = message.media
    found = message.entities
    text = clean(text) if text else ""
    entities: tuple[Entity, ...] = ()
    if found and text:
        entities = _entities(text, found)
    kind: PostKind = "message"
    media_kind: str | None = None
    media_id: int | None = None
    action = message.action
    if action is not None:
        kind, media_kind = "service", type(action).__name__
    elif not isinstance(message, types.Message):
        kind, media_kind = "unsupported", type(message).__name__
    elif media is not None:
        media_kind, media_id = _media(media)
        if media_kind == "unsupported":
            kind = "unsupported"
        if not text:
            text = clean("\n".join(_words_of(media)))
    if not text and message.rich_message is not None:
        text = clean("\n".join("".join(_plain(block)) for block in message.rich_message.blocks))
    edited = message.edit_date
    forward = message.fwd_from
    replies = message.replies
    reply_to = message.reply_to
    reactions = message.reactions
    return Post(
        channel_id=channel_id,
        message_id=message.id,
        date=message.date or EPOCH,
        text=text,
        kind=kind,
        edited=edited if edited is not None and not message.edit_hide else None,
        views=message.views,
        forwards=message.forwards,
        replies=replies.replies if replies is not None else None,
        reactions=_reactions(reactions) if reactions is not None else {},
        forward=_forward(forward) if forward is not None else None,
        reply_to=getattr(reply_to, "reply_to_msg_id", None),
        album=message.grouped_id,
        media=media_kind,
        media_id=media_id,
        entities=entities,
        author=clean(message.post_author) if message.post_author else None,
        raw=raw if raw is not None else _bytes(message),
    )


def _least(message: Any, channel_id: int, raw: bytes | None) -> Post:
    """Return what can be said of a message that could not be read."""
    text = getattr(message, "message", None)
    date = getattr(message, "date", None)
    number = getattr(message, "id", None)
    return Post(
        channel_id=channel_id,
        message_id=number if isinstance(number, int) else 0,
        date=date.astimezone(UTC) if isinstance(date, datetime) else EPOCH,
        text=clean(text) if isinstance(text, str) else "",
        kind="unsupported",
        media=type(message).__name__,
        raw=raw if raw is not None else _bytes(message),
    )


def _bytes(message: Any) -> bytes:
    try:
        return bytes(message)
    except Exception:
        return b""


def clean(text: str) -> str:
    """Return a text that UTF-8 and SQLite can hold: surrogate pairs joined, lone ones and NUL replaced by U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text[:TEXT_LIMIT]


def code_points(text: str, units: int, astral: list[int] | None = None) -> int:
    """Return the code-point offset of a UTF-16 offset, clamped to the text; inside a pair, the pair's start."""
    if astral is None:
        astral = _astral(text)
    return max(0, min(len(text), units - bisect_right(astral, units)))


def _astral(text: str) -> list[int]:
    """Return the UTF-16 offset of each second half of a surrogate pair, ascending."""
    return [match.start() + count + 1 for count, match in enumerate(_ASTRAL.finditer(text))]


def _entities(text: str, found: list[Any]) -> tuple[Entity, ...]:
    astral = [] if text.isascii() else _astral(text)
    entities = []
    for entity in found:
        if not isinstance(entity, TLObject) or not hasattr(entity, "offset"):
            continue
        start = code_points(text, entity.offset, astral)
        end = code_points(text, entity.offset + entity.length, astral)
        if end <= start:
            continue
        kind = _ENTITY_KINDS.get(type(entity)) or _snake(type(entity).__name__.removeprefix("MessageEntity"))
        url = getattr(entity, "url", None)
        if kind == "text_mention":
            url = f"tg://user?id={getattr(entity, 'user_id', '')}"
        elif kind == "blockquote" and entity.collapsed:
            kind = "expandable_blockquote"
        entities.append(Entity(kind, start, end, clean(url) if isinstance(url, str) else None))
    return tuple(entities)


def _media(media: Any) -> tuple[str, int | None]:
    """Return (kind, Telegram's own id) of a message's media."""
    if isinstance(media, types.MessageMediaDocument):
        return _document(media)
    kind = _MEDIA_KINDS.get(type(media)) or type(media).__name__
    held = (
        getattr(media, "photo", None)
        or getattr(media, "webpage", None)
        or getattr(media, "poll", None)
        or getattr(media, "game", None)
    )
    number = getattr(held, "id", None)
    return kind, number if isinstance(number, int) else None


def _document(media: Any) -> tuple[str, int | None]:
    document = media.document
    kind = "document"
    for attribute in getattr(document, "attributes", None) or ():
        if isinstance(attribute, types.DocumentAttributeSticker):
            kind = "sticker"
            break
        if isinstance(attribute, types.DocumentAttributeAnimated):
            kind = "animation"
            break
        if isinstance(attribute, types.DocumentAttributeVideo):
            kind = "video_note" if attribute.round_message else "video"
        elif isinstance(attribute, types.DocumentAttributeAudio):
            kind = "voice" if attribute.voice else "audio"
    if kind == "document" and (media.video or media.round or media.voice):
        kind = "voice" if media.voice else "video_note" if media.round else "video"
    return kind, getattr(document, "id", None)


def _words_of(media: Any) -> Iterator[str]:
    """Yield the lines of text that a media holds itself."""
    if isinstance(media, types.MessageMediaPoll):
        yield media.poll.question.text
        for answer in media.poll.answers:
            yield answer.text.text
    elif isinstance(media, types.MessageMediaToDo):
        yield media.todo.title.text
        for item in media.todo.list:
            yield item.title.text
    elif isinstance(media, types.MessageMediaVenue):
        yield media.title
        yield media.address


def _plain(block: Any) -> Iterator[str]:
    """Yield every piece of plain text inside a rich message's block, in order."""
    if isinstance(block, list):
        for part in block:
            yield from _plain(part)
    elif isinstance(block, TLObject):
        for name, value in vars(block).items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from _plain(value)


def _forward(header: Any) -> Forward:
    origin = header.from_id
    channel = getattr(origin, "channel_id", None)
    name = header.from_name or header.post_author
    date = header.date
    return Forward(
        channel_id=channel,
        message_id=header.channel_post,
        name=clean(name) if name else None,
        date=date if date is not None and date > EPOCH else None,
    )


def _reactions(reactions: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for result in reactions.results:
        reaction = result.reaction
        if isinstance(reaction, types.ReactionEmoji):
            key = clean(reaction.emoticon)
        elif isinstance(reaction, types.ReactionCustomEmoji):
            key = f"custom:{reaction.document_id}"
        else:
            key = _snake(type(reaction).__name__.removeprefix("Reaction"))
        counts[key] = counts.get(key, 0) + result.count
    return counts


def _snake(name: str) -> str:
    """Return ``FormattedDate`` as ``formatted_date``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def channel_info(chat: Any) -> ChannelInfo | None:
    """Return what a full channel entity says, or None for anything else (a group, a ``min`` entity, a forbidden one).

    Access hashes of ``min`` entities are worthless, so these are never taken.
    """
    if not isinstance(chat, types.Channel) or chat.min or chat.access_hash is None:
        return None
    name = chat.username
    if not name and chat.usernames:
        name = next((entry.username for entry in chat.usernames if entry.active), None)
    return ChannelInfo(
        id=chat.id,
        access_hash=chat.access_hash,
        name=clean(name) if name else None,
        title=clean(chat.title or ""),
        joined=not chat.left,
    )
