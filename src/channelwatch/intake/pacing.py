"""How fast we may ask Telegram, per method.

A small bucket of calls, refilled at the method's gap. A flood wait doubles the gap (additive increase,
multiplicative decrease, as congestion control does) and every answer shortens it a little, back to the careful base.

Times are seconds since the epoch, so that a pause survives a restart: the caller stores what `flooded` returns and
gives it back to `pause`.
"""

HISTORY = "messages.getHistory"
MESSAGES = "channels.getMessages"
RESOLVE = "contacts.resolveUsername"
JOIN = "channels.joinChannel"
DIALOGS = "messages.getDialogs"

BASE_GAPS = {HISTORY: 10 / 3, MESSAGES: 10 / 3, RESOLVE: 15.0, JOIN: 300.0}
"""Seconds between calls at pace 1. Ten history calls in 30 s is what Telethon's docs give as safe; resolving names in
bulk draws waits of hours; joining faster than one per five minutes draws bans."""

DEFAULT_GAP = 2.0
BURST = 3
"""Calls that may follow each other at once after a quiet time; one only for resolving and joining."""

SLOWEST = 600.0
"""A gap never grows beyond this many seconds (or the method's own base, if that is longer)."""

RECOVERY = 0.97
"""What an answer without a flood multiplies the gap by: back from double in about 23 answers."""


class Pace:
    """The pacing of one account; `scale` is the config's ``pace`` (0 = only flood waits hold a call back)."""

    def __init__(self, scale: float = 1.0) -> None:
        """Start at the careful base."""
        self.scale = scale
        self._gaps: dict[str, float] = {}
        self._free: dict[str, float] = {}
        self._paused: dict[str, float] = {}

    def gap(self, method: str) -> float:
        """Return the seconds between calls of a method now."""
        return self._gaps.get(method, self.base(method))

    def base(self, method: str) -> float:
        """Return the seconds between calls of a method when Telegram has not complained."""
        return BASE_GAPS.get(method, DEFAULT_GAP) / self.scale if self.scale > 0 else 0.0

    def wait(self, method: str, now: float) -> float:
        """Return how many seconds to wait before the next call of a method; 0.0 = go."""
        paused = self._paused.get(method, 0.0) - now
        gap = self.gap(method)
        # No further ahead than `spend` ever goes, or a clock set back would stop us until it is the old time again.
        free = self._free[method] = min(self._free.get(method, 0.0), now + gap * self._burst(method))
        return max(0.0, paused, free - gap * (self._burst(method) - 1) - now)

    def spend(self, method: str, now: float) -> None:
        """Note that a call is being made."""
        gap = self.gap(method)
        ahead = now + gap * self._burst(method)
        self._free[method] = min(max(self._free.get(method, 0.0), now) + gap, ahead)

    def answered(self, method: str) -> None:
        """Note an answer without a flood wait: the gap shrinks a little."""
        if method in self._gaps:
            shorter = self._gaps[method] * RECOVERY
            if shorter <= self.base(method):
                del self._gaps[method]
            else:
                self._gaps[method] = shorter

    def flooded(self, method: str, seconds: float, now: float) -> float:
        """Note a flood wait: double the gap, pause the method; return until when, to be stored."""
        base = self.base(method)
        self._gaps[method] = min(max(self.gap(method), 1.0) * 2, max(SLOWEST, base))
        until = now + seconds + min(5.0, 0.1 * seconds)  # a little more than asked: our clocks differ
        self.pause(method, until)
        return self._paused[method]

    def pause(self, method: str, until: float) -> None:
        """Hold a method back until a time; a shorter pause never cuts a longer one."""
        self._paused[method] = max(until, self._paused.get(method, 0.0))

    def paused_until(self, method: str) -> float | None:
        """Return the end of the method's pause, which may be past, or None if it never was paused."""
        return self._paused.get(method)

    def _burst(self, method: str) -> int:
        return 1 if method in (RESOLVE, JOIN) else BURST
