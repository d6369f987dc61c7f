"""Times as people type them."""

from datetime import datetime, timedelta
from typing import Any

import click

from channelwatch.clock import SystemClock
from channelwatch.config import times


class Moment(click.ParamType[str]):
    """A time: ``2023-05-22``, ``2023-05-22T09:15`` (in the configured zone unless it has an offset), ``7d`` (ago)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the form; `moment` reads it once the zone is known."""
        try:
            moment(str(value), "UTC", SystemClock().now())
        except ValueError:
            self.fail(f"{value!r} is no time; write 2023-05-22, 2023-05-22T09:15 or 7d (seven days ago)", param, ctx)
        return str(value)


def moment(text: str, zone: str, now: datetime) -> datetime:
    """Return the aware time that `text` means to somebody in `zone`; raises ValueError when it means none."""
    try:
        return now - timedelta(seconds=times.seconds(text))
    except (ValueError, OverflowError):
        typed = datetime.fromisoformat(text.strip())
    return typed if typed.tzinfo is not None else typed.replace(tzinfo=times.zone(zone))
