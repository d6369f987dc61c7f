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
    address = _ADDRESS.match(text)
    if address is not None:
        return _of_address([part for part in re.split(r"[/?#]", text[address.end() :]) if part], text)
    return _of_name(text.removeprefix("@"))


def _of_address(parts: list[str], written: str) -> str | int:
    """Return what a t.me address speaks of."""
    match parts:
        case [first, *_] if first.startswith("+") or first == "joinchat":
            raise ValueError("an invitation link names no channel; join it with your account, then give its -100… id")
        case ["c", number, *_] if re.fullmatch(r"[1-9][0-9]{0,15}", number):
            return int(number)
        case ["s", name, *_] | [name, *_]:
            return _of_name(name)
    raise ValueError(f"{written!r} names no channel")


def _of_name(name: str) -> str:
    """Return a bare name in lower case."""
    if _NAME.fullmatch(name):
        return name.lower()
    if re.fullmatch(r"-?[0-9]+", name):
        raise ValueError(f"{name} is not a channel id: those are written -100… (as bots and most apps show them)")
    raise ValueError(f"{name!r} is not a channel name: 4 to 32 letters, digits and underscores, a letter first")
