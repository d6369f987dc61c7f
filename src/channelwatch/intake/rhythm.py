"""How often a channel is swept, and what lag that means.

A channel that the account has joined is swept when a push says so, and once a minute for safety. Any other channel
is polled: the oftener it posts, the oftener it is asked; `priority`, `max_lag` and bursts earn it more. When all
the channels together want more calls than the pace allows, those with a `max_lag` are served first and the
rest share what is left in proportion.
"""

from collections.abc import Iterable

import msgspec

SHORTEST = 20.0
LONGEST = 900.0
"""A polled channel is asked this seldom at the least, in seconds."""
HIGH_LONGEST = 120.0
"""The same for ``priority = "high"``."""
SAFETY = 60.0
"""Seconds between safety sweeps of a joined channel."""
PUSH_LAG = 2.0
"""What a push takes at most, in seconds, in ordinary times."""
MARGIN = 0.8
"""A channel with a `max_lag` is asked after this part of it, to leave time for the call itself."""
MEMORY = 6 * 3600.0
"""Seconds over which a posting rate is forgotten (time constant of the average)."""
BURST_POSTS = 3


class Channel(msgspec.Struct):
    """What decides a channel's turn."""

    id: int
    joined: bool = False
    high: bool = False
    max_lag: float | None = None
    rate: float = 1 / 3600
    """Posts a second, averaged."""
    burst: bool = False
    """The last sweep brought several posts at once: look again soon."""


def interval(channel: Channel) -> float:
    """Return how many seconds should pass between sweeps of a channel, if the pace allows it."""
    if channel.joined:
        wanted = SAFETY
    else:
        wanted = 0.5 / max(channel.rate, 1e-9)
        if channel.burst:
            wanted /= 3
        if channel.high:
            wanted /= 2
        wanted = min(max(wanted, SHORTEST), HIGH_LONGEST if channel.high else LONGEST)
    if channel.max_lag is not None:
        wanted = min(wanted, max(channel.max_lag * MARGIN, 1.0))
    return wanted


def observe(channel: Channel, posts: int, seconds: float) -> None:
    """Learn from a sweep that found `posts` new ones after `seconds` since the last."""
    seconds = max(seconds, 1.0)
    kept = 1 / (1 + seconds / MEMORY)
    channel.rate = channel.rate * kept + (posts / seconds) * (1 - kept)
    channel.burst = posts >= BURST_POSTS


def expected_lag(channels: Iterable[Channel], calls_per_second: float | None) -> dict[int, float]:
    """Return the longest lag in seconds that each channel should have in ordinary times.

    `calls_per_second` is what the pace gives to history calls; None = not limited. A joined channel's lag is that of a
    push; its safety sweeps count as calls all the same.
    """
    known = list(channels)
    intervals = stretched(known, calls_per_second)
    return {one.id: PUSH_LAG if one.joined else intervals[one.id] for one in known}


def stretched(channels: Iterable[Channel], calls_per_second: float | None) -> dict[int, float]:
    """Return the seconds between sweeps of each channel that the budget really allows."""
    known = list(channels)
    wanted = {one.id: interval(one) for one in known}
    if calls_per_second is None:
        return wanted
    first = [one for one in known if one.max_lag is not None]
    rest = [one for one in known if one.max_lag is None]
    left = calls_per_second
    allowed: dict[int, float] = {}
    for group in (first, rest):
        demand = sum(1 / wanted[one.id] for one in group)
        # The others always keep a tenth, or one greedy channel would silence all the rest.
        share = max(left, calls_per_second * 0.1) if group is rest else left
        stretch = max(1.0, demand / share) if share > 0 else 1.0
        for one in group:
            allowed[one.id] = wanted[one.id] * stretch
        left = max(0.0, left - demand)
    return allowed


def unkept(channels: Iterable[Channel], calls_per_second: float | None) -> list[tuple[int, float, float]]:
    """Return (channel id, its max_lag, the lag to expect) where the budget can't keep a `max_lag`."""
    known = list(channels)
    lags = expected_lag(known, calls_per_second)
    return [
        (one.id, one.max_lag, lags[one.id]) for one in known if one.max_lag is not None and lags[one.id] > one.max_lag
    ]
