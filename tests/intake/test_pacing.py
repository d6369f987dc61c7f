"""How fast we may ask."""

from hypothesis import given
from hypothesis import strategies as st

from channelwatch.intake.pacing import BURST, HISTORY, JOIN, RESOLVE, Pace


def times(pace: Pace, method: str, calls: int, now: float = 1e9) -> list[float]:
    """Return when each of some calls goes, each as soon as it may."""
    gone = []
    for _ in range(calls):
        now += pace.wait(method, now)
        pace.spend(method, now)
        gone.append(now)
    return gone


def test_a_few_calls_go_at_once_and_then_one_per_gap() -> None:
    gone = times(Pace(), HISTORY, 13)
    assert gone[BURST - 1] - gone[0] < 0.001
    assert 9 * 10 / 3 <= gone[-1] - gone[0] <= 10 * 10 / 3 + 1e-3


@given(st.lists(st.floats(0, 100), min_size=20, max_size=80))
def test_no_thirty_seconds_ever_see_more_than_the_burst_above_the_base(pauses: list[float]) -> None:
    pace, now, gone = Pace(), 1e9, []
    for pause in pauses:
        now += pause
        now += pace.wait(HISTORY, now)
        pace.spend(HISTORY, now)
        gone.append(now)
    assert all(sum(start <= moment < start + 29.9 for moment in gone) <= 9 + BURST for start in gone)


def test_joins_and_look_ups_never_come_in_bursts() -> None:
    assert times(Pace(), JOIN, 2)[1] - times(Pace(), JOIN, 1)[0] >= 300
    first, second = times(Pace(), RESOLVE, 2)
    assert second - first >= 15


def test_a_flood_wait_holds_the_method_back_and_doubles_its_gap() -> None:
    pace = Pace()
    before = pace.gap(HISTORY)
    until = pace.flooded(HISTORY, 30, now=1000.0)
    assert 1030 <= until <= 1036
    assert pace.wait(HISTORY, 1000.0) == until - 1000
    assert pace.wait(RESOLVE, 1000.0) == 0
    assert pace.gap(HISTORY) == 2 * before
    for _ in range(100):
        pace.answered(HISTORY)
    assert pace.gap(HISTORY) == before


def test_a_stored_pause_is_kept_by_the_next_process() -> None:
    until = Pace().flooded(RESOLVE, 3600, now=1000.0)
    after = Pace()
    after.pause(RESOLVE, until)
    after.pause(RESOLVE, 1500.0)  # a shorter one cuts nothing
    assert after.wait(RESOLVE, 2000.0) == until - 2000


def test_without_pacing_only_flood_waits_hold_back() -> None:
    pace = Pace(0)
    assert times(pace, HISTORY, 50)[-1] == 1e9
    pace.flooded(HISTORY, 7, now=1e9)
    assert pace.wait(HISTORY, 1e9) >= 7


def test_twice_the_pace_is_half_the_gap() -> None:
    assert Pace(2).gap(HISTORY) == Pace().gap(HISTORY) / 2


def test_a_clock_set_back_stops_nothing_for_long() -> None:
    pace = Pace()
    times(pace, HISTORY, 5, now=1e9)
    yesterday = 1e9 - 86400
    assert times(pace, HISTORY, 2, now=yesterday)[-1] <= yesterday + 2 * pace.gap(HISTORY) + 1e-3
