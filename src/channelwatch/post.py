"""The values that flow through every room: a channel, a post, a page of posts.

Telegram's own words for Telegram's own things. A channel id is the bare positive number (no ``-100``).
Times are aware UTC datetimes. Offsets are half-open code-point offsets into ``Post.text``
(Telegram counts UTF-16 units; the adapter converts).
"""

from datetime import datetime
from typing import Literal

import msgspec

PostKind = Literal["message", "service", "unsupported"]
"""``service``: a pinned-message notice, a title change …; ``unsupported``: a constructor we do not know."""

Came = Literal["push", "sweep", "hole", "backfill", "import"]
"""How a revision came to us. Only ``push``, ``sweep`` and ``hole`` may ring."""


class ChannelInfo(msgspec.Struct, frozen=True):
    """What Telegram says a channel is, from a full entity (never a ``min`` one)."""

    id: int
    access_hash: int
    name: str | None
    """The public username without ``@``, or None for a private channel."""
    title: str
    joined: bool
    """True when the account is a member, so that pushes come."""


class Entity(msgspec.Struct, frozen=True, omit_defaults=True):
    """One formatted stretch of a text, as Telegram marked it (links above all)."""

    kind: str
    """Bot API spelling: ``url``, ``text_link``, ``bold``, ``mention``, ``hashtag`` …"""
    start: int
    end: int
    url: str | None = None


class Forward(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a forwarded post came from; any part may be unknown."""

    channel_id: int | None = None
    message_id: int | None = None
    name: str | None = None
    date: datetime | None = None


class Post(msgspec.Struct, frozen=True, omit_defaults=True):
    """One Telegram message of one channel, as it was at one moment (one revision of it)."""

    channel_id: int
    message_id: int
    date: datetime
    text: str
    kind: PostKind = "message"
    edited: datetime | None = None
    views: int | None = None
    forwards: int | None = None
    replies: int | None = None
    reactions: dict[str, int] = {}
    """Count per reaction: the emoji itself, or ``custom:<document id>``."""
    forward: Forward | None = None
    reply_to: int | None = None
    album: int | None = None
    """Telegram's ``grouped_id``: the parts of one album share it."""
    media: str | None = None
    """``photo``, ``video``, ``document``, ``voice``, ``poll``, ``link``, ``geo`` …, else the raw type name."""
    media_id: int | None = None
    entities: tuple[Entity, ...] = ()
    author: str | None = None
    raw: bytes = b""
    """The message's own TL bytes, uncompressed; empty where it was imported."""

    @property
    def key(self) -> tuple[int, int]:
        """(channel id, message id): what a post is known by."""
        return (self.channel_id, self.message_id)


class Unreadable(msgspec.Struct, frozen=True):
    """A message that could not be decoded even alone; it is quarantined and asked again after an upgrade."""

    message_id: int
    error: str


class Page(msgspec.Struct, frozen=True):
    """One answer of Telegram about one channel's history.

    `posts` ascend by message id. `empty` are ids that the server itself says hold nothing.
    `top` is the newest message id that the answer reveals, when it does.
    """

    posts: tuple[Post, ...] = ()
    empty: tuple[int, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    top: int | None = None
    channel: ChannelInfo | None = None
    """Who the channel is now (its name and title may have changed), where the answer says so."""


def post_url(name: str | None, channel_id: int, message_id: int) -> str:
    """Return the link to a post: by name where the channel has one, else Telegram's ``/c/`` form."""
    return f"https://t.me/{name}/{message_id}" if name else f"https://t.me/c/{channel_id}/{message_id}"
