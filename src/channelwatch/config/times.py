"""Durations and zones, as people write them."""

import re
from datetime import UTC, tzinfo

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([smhd])\s*")


def seconds(written: str) -> float:
    """Read a duration, ``"90s"``, ``"10m"``, ``"6h"`` or ``"7d"``, as seconds.

    Raises ValueError for anything else; a bare number is refused because nobody can tell its unit.
    """
    found = _DURATION.fullmatch(written)
    if found is None:
        raise ValueError(f"not a duration: {written!r}")
    return float(found[1]) * _UNITS[found[2]]


def written(duration: float) -> str:
    """Write seconds the way ``seconds`` reads them, in the largest unit that leaves no fraction."""
    for unit in ("d", "h", "m"):
        count = duration / _UNITS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{duration:.3f}".rstrip("0").rstrip(".") + "s"


def zone(name: str) -> tzinfo:
    """Return the IANA zone of this name; ``UTC`` is known even where the machine has no zone data.

    Raises ValueError when there is no such zone.
    """
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # "Europe" is a folder, "../x" a bad key
        raise ValueError(f"no such zone: {name!r}") from error


def zone_names() -> set[str]:
    """Return the names of all zones that this machine knows."""
    from zoneinfo import available_timezones

    return available_timezones() | {"UTC"}
