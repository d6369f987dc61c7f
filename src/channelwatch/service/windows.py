"""Sliding windows: how long to wait so that no rate of an outlet is exceeded."""

from collections import deque
from collections.abc import Sequence

from channelwatch.clock import Clock
from channelwatch.outlets import Rate


class Windows:
    """Counts messages per rate key; lanes of one account share it. Lives in one event loop."""

    def __init__(self, clock: Clock) -> None:
        """`clock` gives the monotonic seconds."""
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def take(self, rates: Sequence[Rate]) -> float:
        """Count one message and return 0.0, or count nothing and return the seconds to wait before asking again."""
        now = self._clock.monotonic()
        wait = 0.0
        for rate in rates:
            times = self._times.setdefault(rate.key, deque())
            while times and times[0] <= now - rate.seconds:
                times.popleft()
            if len(times) >= rate.count:
                wait = max(wait, times[-rate.count] + rate.seconds - now)
        if wait <= 0.0:
            for rate in rates:
                self._times[rate.key].append(now)
        return max(0.0, wait)

    def give_back(self, rates: Sequence[Rate]) -> None:
        """Uncount the message counted last: nothing was sent after all."""
        for rate in rates:
            if times := self._times.get(rate.key):
                times.pop()
