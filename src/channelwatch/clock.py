"""The clock as a parameter: the core never asks the machine what time it is.

A clock is any object with ``now()`` (aware UTC datetime) and ``monotonic()`` (seconds, float).
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the rest of the package may ask of a clock."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class FakeClock:
    """A clock that moves only when told to; for tests and simulated days."""

    def __init__(self, start: datetime) -> None:
        """Start at an aware datetime."""
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the time it was last moved to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it was moved forward since it was made."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move forward by some seconds (both readings)."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


def iso(moment: datetime) -> str:
    """Return the one written form of a time: ``2023-05-22T09:15:00Z``, with microseconds only when there are any.

    Raises ValueError for a naive datetime: a time without a zone is a guess.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment!r}")
    text = moment.astimezone(UTC).isoformat()
    return text.removesuffix("+00:00") + "Z"


def from_iso(text: str) -> datetime:
    """Read what ``iso`` writes (or any ISO 8601 time with an offset); a time without an offset is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
