"""How often a channel is swept, and what lag that means.

A channel that the account has joined is swept when a push says so, and once a minute for safety. Any other channel
is polled: the oftener it posts, the oftener it is asked; `priority`, `max_lag` and bursts earn it more. When all
the channels together want more calls than the pace allows, those with a `max_lag` are served first, then those of high
priority, and of the rest the busiest give way first.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

import msgspec

SHORTEST = 20.0
LONGEST = 700.0
"""A polled channel is asked this seldom at the least, in seconds; with its waiting that makes a quarter of an hour."""
HIGH_LONGEST = 120.0
"""The same for ``priority = "high"``."""
SAFETY = 60.0
"""Seconds between safety sweeps of a joined channel."""
PUSH_LAG = 2.0
"""What a push takes at most, in seconds, in ordinary times."""
SHARE = 0.7
"""The part of the call budget that sweeps are planned for. The rest is for second pages, backfills and what pushes ask
for, and keeps the queue short."""
KEPT = 0.1
"""The part of the budget that polled channels without a bound have in any case."""
WAITING = 1.25
"""What waiting for its turn makes of a channel's interval at most, in ordinary times (tests/intake/test_fairness)."""
QUEUE = 3.0
"""Calls that may be ahead of any sweep: others as urgent, and a page of backfill."""
PATIENCE = 5.0
"""Seconds that any sweep may wait for its turn."""
CONFIRM = 10.0
"""Seconds within which a sweep should follow a push."""
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
        wanted = min(wanted, max(channel.max_lag / WAITING, 1.0))
    return wanted


def observe(channel: Channel, posts: int, seconds: float) -> None:
    """Learn from a sweep that found `posts` new ones after `seconds` since the last."""
    seconds = max(seconds, 1.0)
    kept = 1 / (1 + seconds / MEMORY)
    channel.rate = channel.rate * kept + (posts / seconds) * (1 - kept)
    channel.burst = posts >= BURST_POSTS


def urgency(channel: Channel, seconds: float, *, dirty: bool = False) -> float:
    """Return within how many seconds a sweep should go once it is due, for a channel swept every `seconds`.

    It is what waiting may add to the interval; a quarter of it at high priority or where there is a bound. Where
    something is known to wait (`dirty`), it is little.
    """
    patience = seconds * (WAITING - 1) + PATIENCE
    patience /= 4 if channel.high or channel.max_lag is not None else 1
    return min(patience, PATIENCE) if dirty else patience


def expected_lag(channels: Iterable[Channel], calls_per_second: float | None) -> dict[int, float]:
    """Return the longest lag in seconds that each channel should have in ordinary times.

    `calls_per_second` is what the pace gives to history calls; None = not limited. A polled channel's lag is the time
    between its sweeps and what it waits for its turn. A joined channel's lag is that of a push; its safety sweeps
    count as calls all the same.
    """
    known = list(channels)
    intervals = stretched(known, calls_per_second)
    waiting, queue = (1.0, 0.0) if calls_per_second is None else (WAITING, QUEUE / calls_per_second)
    return {one.id: PUSH_LAG if one.joined else intervals[one.id] * waiting + queue for one in known}


def stretched(channels: Iterable[Channel], calls_per_second: float | None) -> dict[int, float]:
    """Return the seconds between sweeps of each channel that the budget really allows.

    Channels with a `max_lag` come first (all miss it by the same factor where even they are too many), then those of
    high priority, then the rest. In a group that gets less than it wants, those that want most give way first: all of
    them come down to one interval, and whoever is content with a longer one keeps it.
    """
    known = list(channels)
    wanted = {one.id: interval(one) for one in known}
    if calls_per_second is None:
        return wanted
    for one in known:
        if one.max_lag is not None:
            in_time = (one.max_lag - QUEUE / calls_per_second) / WAITING
            wanted[one.id] = min(wanted[one.id], max(in_time, 1.0))
    left = calls_per_second * SHARE
    bounded = [wanted[one.id] for one in known if one.max_lag is not None]
    factor = max(1.0, sum(1 / seconds for seconds in bounded) / left)
    allowed = {one.id: wanted[one.id] * factor for one in known if one.max_lag is not None}
    left -= sum(1 / seconds for seconds in allowed.values())
    for high in (True, False):
        group = [one.id for one in known if one.max_lag is None and one.high is high]
        # Each group always keeps a tenth, or a greedy one would silence all the rest.
        shortest = _shortest([wanted[number] for number in group], max(left, calls_per_second * KEPT))
        for number in group:
            allowed[number] = max(wanted[number], shortest)
            left -= 1 / allowed[number]
    return allowed


def _shortest(wanted: list[float], calls_per_second: float) -> float:
    """Return the shortest interval that the budget allows to any of these, so that as few as possible give way."""
    rest = sum(1 / seconds for seconds in wanted)
    if rest <= calls_per_second:
        return 0.0
    ascending = sorted(wanted)
    for count, (seconds, longer) in enumerate(pairwise([*ascending, math.inf]), start=1):
        rest -= 1 / seconds
        if rest < calls_per_second and (shortest := count / (calls_per_second - rest)) <= longer:
            return shortest
    return len(wanted) / calls_per_second


def unkept(channels: Iterable[Channel], calls_per_second: float | None) -> list[tuple[int, float, float]]:
    """Return (channel id, its max_lag, the lag to expect) where the budget can't keep a `max_lag`."""
    known = list(channels)
    lags = expected_lag(known, calls_per_second)
    return [
        (one.id, one.max_lag, lags[one.id])
        for one in known
        if one.max_lag is not None and lags[one.id] > one.max_lag * 1.001
    ]
