"""How a channel may be written, and what it is known by.

``@name``, ``name``, ``t.me/name``, ``t.me/s/name``, ``t.me/name/123`` (with or without ``https://``), ``-100id``
and ``t.me/c/id/123``. Invitation links (``t.me/+…``) name no channel that could be read without joining.
"""

import re

_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?(?:t|telegram)\.(?:me|dog)/", re.IGNORECASE)
# Telegram: 5 to 32 letters, digits and underscores, a letter first; short names (4) are sold at auctions.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_ID = re.compile(r"-100([0-9]{1,16})")


def channel_key(written: str) -> str | int:
    """Return what a written channel is known by: its name in lower case, or its bare positive id.

    Two spellings of one channel give the same key. Raises ValueError, with a sentence for people, for anything that is
    neither.
    """
    text = written.strip()
    found = _ID.fullmatch(text)
    if found is not None and int(found[1]) > 0:
        return int(found[1])
    rest, from_address = text, False
    address = _ADDRESS.match(text)
    if address is not None:
        from_address = True
        parts = [part for part in re.split(r"[/?#]", text[address.end() :]) if part]
        rest = _of_address(parts, written)
        if rest.isdecimal():
            return int(rest)
    else:
        rest = text.removeprefix("@")
    if _NAME.fullmatch(rest) is None:
        raise ValueError(_reason(rest, from_address=from_address))
    return rest.lower()


def _of_address(parts: list[str], written: str) -> str:
    """Return the name or the bare id that a t.me address speaks of."""
    if not parts:
        raise ValueError(f"{written!r} names no channel")
    if parts[0] == "c" and len(parts) > 1 and parts[1].isdecimal() and parts[1].isascii():
        return parts[1][:16]
    if parts[0].startswith("+") or parts[0] == "joinchat":
        raise ValueError("an invitation link names no channel; join it with your account, then give its -100… id")
    return parts[1] if parts[0] == "s" and len(parts) > 1 else parts[0]


def _reason(rest: str, *, from_address: bool) -> str:
    """Say what is wrong with something that is not a name."""
    if re.fullmatch(r"-?[0-9]+", rest) and not from_address:
        return f"{rest} is not a channel id: those are written -100… (as bots and most apps show them)"
    return f"{rest!r} is not a channel name: 4 to 32 letters, digits and underscores, a letter first"
