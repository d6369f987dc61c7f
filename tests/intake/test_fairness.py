"""What is promised is kept: the planner at the careful pace, in virtual time."""

from collections import defaultdict
from itertools import pairwise
from random import Random

import msgspec
import pytest

from channelwatch.intake import rhythm
from channelwatch.intake.pacing import BASE_GAPS, HISTORY, MESSAGES, Pace
from channelwatch.intake.plan import Kind, Task, next_turn
from channelwatch.intake.rhythm import Channel

CALLS = 1 / BASE_GAPS[HISTORY]
ANSWER = 0.3
"""Seconds that a call takes."""
AT_ONCE = 4
WARM = 1800.0
"""Seconds after the start, at which all channels are due at once, from which on what is promised counts."""
HOLES = -2
BACKFILL = -1


class Call(msgspec.Struct):
    """A call that was made: what for, when it was due and when it began."""

    kind: Kind
    subject: int
    due: float
    began: float


class Account:
    """An account that asks as the watch does: one planner, one pace, a few calls at once, channels that post."""

    def __init__(self, channels: list[Channel], seed: int, *, backfill: bool = False) -> None:
        self.random = Random(seed)
        self.pace = Pace(1.0)
        self.channels = {one.id: one for one in channels}
        self.rates = {one.id: one.rate for one in channels}
        self.backfill = backfill
        self.now = 1e9
        self.due = dict.fromkeys(self.channels, self.now)
        self.swept: dict[int, float] = {}
        self.promised: dict[int, float] = {}
        self.dirty: set[int] = set()
        self.hole_due: float | None = None
        self.busy: dict[int, float] = {}
        self.made: list[Call] = []
        self.lags: dict[int, list[tuple[float, float]]] = defaultdict(list)
        """For every sweep, the seconds since the one before and what was promised then."""

    def run(self, seconds: float) -> None:
        """Go on for so many seconds."""
        end = self.now + seconds
        while self.now < end:
            for number in [number for number, done in self.busy.items() if done <= self.now]:
                del self.busy[number]
            wait = self.step() if len(self.busy) < AT_ONCE else rhythm.LONGEST
            self.now = min([self.now + wait, *self.busy.values(), end])

    def step(self) -> float:
        turn = next_turn(self.tasks(), self.pace, self.now, sum(call.kind != "hole" for call in self.made))
        task = turn.task
        if task is None:
            return turn.wait
        self.pace.spend(task.method, self.now)
        self.busy[task.subject] = self.now + ANSWER
        self.made.append(Call(task.kind, task.subject, task.due, self.now))
        if task.kind == "sweep":
            self.sweep(task.subject, self.now + ANSWER)
        elif task.kind == "hole":
            self.hole_due = self.now + ANSWER
        return 0.0

    def tasks(self) -> list[Task]:
        allowed = rhythm.stretched(self.channels.values(), CALLS)
        tasks = [
            Task("sweep", number, self.due[number], rhythm.urgency(one, allowed[number], dirty=number in self.dirty))
            for number, one in self.channels.items()
            if number not in self.busy
        ]
        if self.backfill and BACKFILL not in self.busy:
            tasks.append(Task("backfill", BACKFILL, 0.0))
        if self.hole_due is not None and HOLES not in self.busy:
            tasks.append(Task("hole", HOLES, self.hole_due, 30.0))
        return tasks

    def sweep(self, number: int, done: float) -> None:
        if number in self.swept:
            since = done - self.swept[number]
            self.lags[number].append((since, self.promised[number]))
            posts, moment = 0, self.random.expovariate(self.rates[number])
            while moment < since:
                posts, moment = posts + 1, moment + self.random.expovariate(self.rates[number])
            rhythm.observe(self.channels[number], posts, since)
        self.dirty.discard(number)
        self.swept[number] = done
        self.due[number] = done + rhythm.stretched(self.channels.values(), CALLS)[number]
        self.promised[number] = rhythm.expected_lag(self.channels.values(), CALLS)[number]

    def push(self, number: int) -> None:
        """Let a push tell of a gap."""
        self.dirty.add(number)
        self.due[number] = min(self.due[number], self.now)


def polled(count: int, seed: int) -> list[Channel]:
    random = Random(seed)
    return [Channel(number, rate=random.choice([1 / 60, 1 / 300, 1 / 1800, 1 / 7200])) for number in range(count)]


@pytest.mark.parametrize("backfill", [False, True], ids=["", "while a past is read"])
@pytest.mark.parametrize("seed", [5, 10])
def test_every_one_of_sixty_polled_channels_is_swept_within_its_expected_lag(seed: int, backfill: bool) -> None:
    bounded = [Channel(1000, max_lag=60.0), Channel(1001, max_lag=60.0), Channel(1002, max_lag=120.0, rate=1 / 60)]
    high = [Channel(2000, high=True, rate=1 / 600), Channel(2001, high=True, rate=1 / 60)]
    account = Account([*polled(55, seed), *bounded, *high], seed, backfill=backfill)
    account.run(WARM)
    account.lags.clear()
    account.run(2 * 3600.0)
    assert account.lags.keys() == account.channels.keys()
    late = {number: (lag, told) for number, lags in account.lags.items() for lag, told in lags if lag > told}
    assert not late
    for one in bounded:
        assert one.max_lag is not None
        assert max(lag for lag, _ in account.lags[one.id]) <= one.max_lag
    assert not rhythm.unkept(account.channels.values(), CALLS)
    assert max(lag for one in high for lag, _ in account.lags[one.id]) <= 2.5 * 60


def test_two_hundred_polled_channels_are_all_swept_in_their_turn() -> None:
    account = Account(polled(200, 3), 3, backfill=True)
    account.run(WARM)
    account.lags.clear()
    account.run(2 * 3600.0)
    assert account.lags.keys() == account.channels.keys()
    assert all(lag <= told for lags in account.lags.values() for lag, told in lags)
    assert max(told for lags in account.lags.values() for _, told in lags) < 25 * 60


def test_the_bounded_and_the_high_go_first_when_all_are_due_at_once() -> None:
    favoured = [Channel(1000, max_lag=60.0), Channel(1001, high=True)]
    account = Account([*polled(60, 4), *favoured], 4)
    account.run(40.0)
    first = [call.subject for call in account.made[:12]]
    assert {1000, 1001} <= set(first)


def test_a_backfill_page_delays_a_sweep_that_a_push_asked_for_by_one_call_at_most() -> None:
    joined = [Channel(number, joined=True) for number in range(1000, 1010)]
    account = Account([*polled(60, 5), *joined], 5, backfill=True)
    account.run(WARM)
    random = Random(5)
    for _ in range(200):
        account.run(random.uniform(5.0, 30.0))
        number = random.choice(joined).id
        begun = len(account.made)
        if number in account.busy:
            continue
        account.push(number)
        account.run(60.0)
        since = account.made[begun:]
        place = next(at for at, call in enumerate(since) if call.subject == number)
        assert sum(call.kind == "backfill" for call in since[:place]) <= 1


def test_a_backfill_goes_on_beside_any_number_of_sweeps() -> None:
    account = Account(polled(200, 6), 6, backfill=True)
    account.run(3600.0)
    pages = [call.began for call in account.made if call.kind == "backfill"]
    assert max(b - a for a, b in pairwise(pages)) < 30.0


def test_holes_are_asked_for_at_their_own_pace_whatever_else_is_due() -> None:
    account = Account(polled(200, 7), 7, backfill=True)
    account.hole_due = account.now
    account.run(3600.0)
    asks = [call.began for call in account.made if call.kind == "hole"]
    assert max(b - a for a, b in pairwise(asks)) <= 2 * BASE_GAPS[MESSAGES]
