"""When an empty answer is believed."""

from hypothesis import given
from hypothesis import strategies as st

from channelwatch.intake.holes import DELAYS, next_ask


def test_a_young_hole_is_asked_four_times_within_an_hour_and_more() -> None:
    waits = [next_ask(asks, age=0.0) for asks in range(5)]
    assert waits == [5.0, 60.0, 600.0, 3600.0, None]


def test_in_old_history_one_answer_is_enough() -> None:
    assert next_ask(0, age=7200.0) == 0.0
    assert next_ask(1, age=7200.0) is None


@given(st.integers(0, 10), st.floats(0, 1e9))
def test_a_hole_is_never_believed_unasked_nor_asked_for_ever(asks: int, age: float) -> None:
    assert next_ask(0, age) is not None
    if asks >= len(DELAYS):
        assert next_ask(asks, age) is None
