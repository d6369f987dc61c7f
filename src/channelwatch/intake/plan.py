"""What to ask Telegram next.

Pure: given what waits (sweeps, holes, backfills, re-reads …), the pace and the time, say the one call to make now, or
how long to sleep. Sweeps come first, the longest overdue in proportion to its own rhythm; a backfill page gets
every fifth history call, so that it neither starves nor delays.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from channelwatch.intake.pacing import DIALOGS, HISTORY, JOIN, MESSAGES, RESOLVE, Pace

Kind = Literal["sweep", "hole", "reread", "backfill", "chats", "resolve", "join"]

METHODS: dict[Kind, str] = {
    "sweep": HISTORY,
    "hole": MESSAGES,
    "reread": HISTORY,
    "backfill": HISTORY,
    "chats": DIALOGS,
    "resolve": RESOLVE,
    "join": JOIN,
}

BACKFILL_TURN = 5
"""Every how many-th history call may be a backfill page although sweeps are due."""

FOREVER = 3600.0


class Task(msgspec.Struct, frozen=True):
    """Something that waits for a call."""

    kind: Kind
    subject: int
    """Channel id; for ``resolve``, the position in the list of names."""
    due: float
    """Seconds since the epoch."""
    rhythm: float = 60.0
    """The seconds within which it would like to be done once due; smaller = more urgent."""

    @property
    def method(self) -> str:
        """Telegram's name of the call."""
        return METHODS[self.kind]


class Turn(msgspec.Struct, frozen=True):
    """A task to start now, or None and how many seconds to sleep before asking again."""

    task: Task | None
    wait: float = 0.0


def next_turn(tasks: Iterable[Task], pace: Pace, now: float, history_calls: int = 0) -> Turn:
    """Return the task whose turn it is, or how long to wait; `history_calls` counts those made so far."""
    waits: dict[str, float] = {}
    best: Task | None = None
    best_rank = (-1, -1.0)
    wait = FOREVER
    backfill_turn = history_calls % BACKFILL_TURN == BACKFILL_TURN - 1
    for task in tasks:
        method = task.method
        if method not in waits:
            waits[method] = pace.wait(method, now)
        ready = max(waits[method], task.due - now)
        if ready > 0:
            wait = min(wait, ready)
            continue
        rank = (_class(task.kind, backfill_turn), (now - task.due) / max(task.rhythm, 1.0))
        if rank > best_rank:
            best, best_rank = task, rank
    return Turn(best) if best is not None else Turn(None, wait)


def _class(kind: Kind, backfill_turn: bool) -> int:
    """Return what goes first: the higher, the sooner."""
    if kind == "backfill":
        return 3 if backfill_turn else 0
    return 1 if kind == "reread" else 2
