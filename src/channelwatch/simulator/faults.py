"""What goes wrong on request: answers (``Faults``) and pushes (``Chaos``). All dice come from one seed."""

import re
from collections import deque
from dataclasses import dataclass, field
from random import Random

from channelwatch.simulator.rpc import RpcError

Action = str | float | RpcError
"""What happens to a call:

* ``"silent"``: no answer, ever · a number: the answer comes so many seconds late · ``"drop"``: the line is cut instead
* ``"420 FLOOD_WAIT_17"`` (code and NAME), or an RpcError: that error
* ``"unknown"``: the answer is an object of an unknown constructor · ``"salt"``: the salt changes under the call
* ``"too_long"``: for the two differences, the too-long answer · ``"transport 429"``: a bare -429, then the line is cut
"""

_WORDS = {"silent", "drop", "unknown", "salt", "too_long"}


def check_action(action: Action) -> Action:
    """Return the action with an error text turned into RpcError; raises ValueError for one that means nothing."""
    if isinstance(action, (int, float, RpcError)):
        return action
    if error := re.fullmatch(r"(-?\d{3}) ([A-Z][A-Z0-9_ ]*)", action):
        return RpcError(int(error[1]), error[2])
    if action in _WORDS or re.fullmatch(r"transport \d{3}", action):
        return action
    raise ValueError(
        f"unknown fault action {action!r}: use {', '.join(sorted(_WORDS))}, a number of seconds, "
        "'transport 429' or an error such as '420 FLOOD_WAIT_17'"
    )


def flood(seconds: int) -> RpcError:
    """Return Telegram's "wait so long"."""
    return RpcError(420, f"FLOOD_WAIT_{seconds}")


@dataclass
class _Fault:
    action: Action
    times: int | None
    probability: float


@dataclass
class Faults:
    """Faults laid on methods; the oldest one on a method acts first."""

    random: Random
    _by_method: dict[str, deque[_Fault]] = field(default_factory=dict)
    _limits: dict[str, tuple[int, float, deque[float]]] = field(default_factory=dict)

    def add(self, method: str, action: Action, times: int | None, probability: float) -> None:
        """Lay a fault on a method (``"*"``: on all); `times` None = until cleared."""
        self._by_method.setdefault(_plain(method), deque()).append(_Fault(check_action(action), times, probability))

    def clear(self) -> None:
        """Take all faults and limits away."""
        self._by_method.clear()
        self._limits.clear()

    def limit(self, method: str, calls: int, seconds: float) -> None:
        """Allow so many calls in so many seconds; more get FLOOD_WAIT, as from Telegram."""
        self._limits[_plain(method)] = calls, seconds, deque()

    def take(self, method: str, now: float) -> Action | None:
        """Return what shall happen to this call, or None; `now` in monotonic seconds."""
        names = (_plain(method), _plain(method.rsplit(".", 1)[-1]), "*")
        for name in dict.fromkeys(names):
            for fault in self._by_method.get(name, ()):
                if fault.probability < 1 and self.random.random() >= fault.probability:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._by_method[name].remove(fault)
                return fault.action
        for name in names:
            if name not in self._limits:
                continue
            calls, seconds, past = self._limits[name]
            while past and past[0] <= now - seconds:
                past.popleft()
            if len(past) >= calls:
                return flood(max(1, int(past[0] + seconds - now + 0.999)))
            past.append(now)
        return None


def _plain(method: str) -> str:
    """Return one spelling of a method: ``messages.GetHistoryRequest`` = ``messages.getHistory``; a bare
    ``GetHistory`` means the method of that name in every namespace.
    """
    return method.removesuffix("Request").lower()


@dataclass
class Chaos:
    """How likely each post suffers what; rolled from the seed, the same number of dice for every post.

    Pushes of edits and deletions can be lost, late or doubled too.
    """

    lose: float = 0.0
    """The push never leaves."""
    late: float = 0.0
    """The push leaves `late_by` seconds late (so it may come after younger ones)."""
    late_by: tuple[float, float] = (0.1, 0.5)
    twice: float = 0.0
    reorder: float = 0.0
    """The push waits until the next one of its channel has left (0.3 s at most)."""
    hidden: float = 0.0
    """The id is visible only `hidden_for` seconds after the post."""
    hidden_for: tuple[float, float] = (0.1, 0.6)

    def roll(self, random: Random) -> "Fate":
        """Return what happens to one post."""
        dice = [random.random() for _ in range(7)]
        return Fate(
            lose=dice[0] < self.lose,
            late=_between(self.late_by, dice[5]) if dice[1] < self.late else 0.0,
            twice=dice[2] < self.twice,
            reorder=dice[3] < self.reorder,
            hidden_for=_between(self.hidden_for, dice[6]) if dice[4] < self.hidden else 0.0,
        )


@dataclass
class Fate:
    """What happens to one push."""

    lose: bool = False
    late: float = 0.0
    twice: bool = False
    reorder: bool = False
    hidden_for: float = 0.0


def _between(limits: tuple[float, float], die: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * die
