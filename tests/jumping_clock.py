"""A clock that runs as the machine's does and jumps when told to."""

from datetime import datetime, timedelta

from channelwatch.clock import SystemClock


class JumpingClock(SystemClock):
    """`wall` and `steady` are the seconds that its two readings are ahead of the machine's."""

    def __init__(self) -> None:
        self.wall = self.steady = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.wall)

    def monotonic(self) -> float:
        return super().monotonic() + self.steady
