"""Posts from JSON lines: each line checked, the good ones stored, the bad ones named.

A line is an object with ``channel`` (a name, link, ``-100…`` id, or any label), ``message_id``, ``date`` (ISO 8601;
without an offset it is UTC), ``text``, and if known ``views``, ``forwards``, ``edited`` and ``url`` (not kept: it
follows from channel and id). Other keys are ignored.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from channelwatch.archive import channels, posts
from channelwatch.clock import from_iso
from channelwatch.post import Post

BATCH = 500
"""A good number of lines for one call."""

_FIRST_YEAR = 2013
"""Telegram began in August 2013; an earlier date is a mistake (milliseconds, an epoch of zero …)."""


class BadLine(msgspec.Struct, frozen=True):
    """A line that was left out."""

    number: int
    problem: str


class Imported(msgspec.Struct, frozen=True):
    """What became of a batch."""

    new: int
    revised: int
    known: int
    """Posts that the archive has already; nothing was doubled."""
    bad: tuple[BadLine, ...]


class _Line(msgspec.Struct):
    channel: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | int
    message_id: Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
    date: str
    text: str
    views: Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)] | None = None
    forwards: Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)] | None = None
    edited: str | None = None
    url: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


def import_lines(
    connection: sqlite3.Connection, lines: Sequence[str | bytes], first_number: int, now: datetime
) -> Imported:
    """Store the posts of some lines of a file; `first_number` is the first one's line number. Empty lines are skipped.

    Imported posts get work rows, so that rules find them, but never ring. Repeating an import doubles nothing.
    A channel that is known by name, alias, past name or id gets the posts; any other becomes an ``imported`` channel
    (see `channels.for_import`).
    """
    known: dict[str, int] = {}
    good: list[Post] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines, first_number):
        if not line.strip():
            continue
        try:
            good.append(_post(connection, line, known, now))
        except (msgspec.DecodeError, UnicodeError, ValueError) as error:
            bad.append(BadLine(number, _plain(error)))
    stored = posts.store(connection, good, "import", now)
    return Imported(len(stored.new), len(stored.revised), len(stored.seen), tuple(bad))


def _post(connection: sqlite3.Connection, line: str | bytes, known: dict[str, int], now: datetime) -> Post:
    row = _decode(line)
    label = str(row.channel).strip()
    if not label:
        raise ValueError("channel is empty")
    date = _moment(row.date, "date", now)
    edited = _moment(row.edited, "edited", now) if row.edited else None
    if label not in known:
        known[label] = channels.for_import(connection, label, now)
    return Post(
        channel_id=known[label],
        message_id=row.message_id,
        date=date,
        text=row.text,
        edited=edited,
        views=row.views,
        forwards=row.forwards,
    )


def _moment(written: str, field: str, now: datetime) -> datetime:
    try:
        moment = from_iso(written)
    except (ValueError, OverflowError):
        raise ValueError(f"{field} is not an ISO 8601 time: {written!r}") from None
    if moment.year < _FIRST_YEAR:
        raise ValueError(f"{field} is before Telegram began: {written!r}")
    if moment.year > now.year + 1:
        raise ValueError(f"{field} lies in the future: {written!r}")
    return moment


def _plain(error: Exception) -> str:
    """Return msgspec's words as people read them: ``Expected `int`, got `null` - at `$.message_id```."""
    return str(error).replace("`", "").replace("$.", "").replace(" - at ", " at ")
