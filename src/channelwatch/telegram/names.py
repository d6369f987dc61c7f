"""How people write a channel: ``@name``, ``name``, a t.me link, ``-100id``."""

import re

import msgspec

from channelwatch.errors import ChannelGone

_LINK = re.compile(r"(?:https?://)?(?:www\.)?(?:t(?:elegram)?\.(?:me|dog)|telegram\.org)/", re.IGNORECASE)
_SUBDOMAIN = re.compile(r"(?:https?://)?([a-z0-9_]{4,32})\.t\.me/?(?:\d+)?/?(?:\?.*)?$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}")
MARK = 10**12
"""Telegram's Bot API writes channel 1234 as -1000000001234: minus this much."""


class ChannelName(msgspec.Struct, frozen=True):
    """What a written channel means: a public name, or the bare id; exactly one of them is set."""

    name: str | None = None
    id: int | None = None

    def __str__(self) -> str:
        """Return the form that people know: ``@name`` or ``-100…``."""
        return f"@{self.name}" if self.name is not None else str(-(MARK + (self.id or 0)))


def parse(written: str) -> ChannelName:
    """Read a channel as people write it: ``@name``, ``name``, ``t.me/name``, ``t.me/s/name``, ``t.me/name/123``,
    ``t.me/c/id/123``, ``-100id``.

    Raises ChannelGone, with a remedy, for an invite link and for what can't be a channel's name.
    """
    text = written.strip()
    if re.fullmatch(r"-?\d+", text):
        return ChannelName(id=_bare_id(int(text), written))
    if (match := re.fullmatch(r"tg://resolve\?domain=([A-Za-z0-9_]+).*", text)) or (
        match := _SUBDOMAIN.fullmatch(text)
    ):
        text = match[1]
    elif match := _LINK.match(text):
        text = _path(text[match.end() :], written)
        if text.isdigit():
            return ChannelName(id=int(text))
    text = text.removeprefix("@")
    if text.startswith("+"):
        raise _invite(written)
    if not _NAME.fullmatch(text):
        raise ChannelGone(
            f"{written!r} is not a channel's name",
            remedy="write @name, a t.me link, or -100… for a channel that the account knows",
        )
    return ChannelName(name=text)


def _path(path: str, written: str) -> str:
    """Return the name (or the id of a /c/ link) in the path of a t.me link."""
    parts = [part for part in re.split(r"[?#]", path)[0].split("/") if part]
    if parts and (parts[0].startswith("+") or parts[0].lower() == "joinchat"):
        raise _invite(written)
    if parts and parts[0] == "c" and len(parts) > 1 and parts[1].isdigit():
        return parts[1]
    if parts and parts[0] == "s":
        parts = parts[1:]
    return parts[0] if parts else ""


def _bare_id(number: int, written: str) -> int:
    if number <= -MARK:
        return -number - MARK
    if number > 0:
        return number
    raise ChannelGone(
        f"{written} is a group's id, not a channel's", remedy="a channel's id starts with -100; or write its @name"
    )


def _invite(written: str) -> ChannelGone:
    return ChannelGone(
        f"{written!r} is an invite link",
        remedy="join the channel with the Telegram app first, then give its -100… id or its @name",
    )


def unknown_id(name: ChannelName) -> ChannelGone:
    """Return the error for an id that the account does not know."""
    return ChannelGone(f"the account does not know the channel {name}", remedy="give its @name instead of its id")
