"""What to ask next."""

from channelwatch.intake.pacing import HISTORY, MESSAGES, Pace
from channelwatch.intake.plan import BACKFILL_TURN, FOREVER, Task, next_turn

NOW = 1e9


def test_the_longest_overdue_in_its_own_rhythm_goes_first() -> None:
    slow = Task("sweep", 1, NOW - 60, rhythm=900)
    quick = Task("sweep", 2, NOW - 30, rhythm=20)
    assert next_turn([slow, quick], Pace(), NOW).task is quick


def test_a_backfill_gives_way_but_never_starves() -> None:
    sweep, backfill = Task("sweep", 1, NOW), Task("backfill", 2, 0.0)
    assert next_turn([sweep, backfill], Pace(), NOW, history_calls=0).task is sweep
    assert next_turn([sweep, backfill], Pace(), NOW, history_calls=BACKFILL_TURN - 1).task is backfill
    assert next_turn([backfill], Pace(), NOW).task is backfill


def test_a_paused_method_does_not_hold_back_another() -> None:
    pace = Pace()
    pace.flooded(HISTORY, 60, NOW)
    sweep, hole = Task("sweep", 1, NOW), Task("hole", 0, NOW)
    assert next_turn([sweep, hole], pace, NOW).task is hole
    assert next_turn([sweep], pace, NOW).wait >= 60
    assert pace.wait(MESSAGES, NOW) == 0


def test_it_sleeps_until_the_next_is_due() -> None:
    turn = next_turn([Task("sweep", 1, NOW + 7), Task("hole", 0, NOW + 3)], Pace(), NOW)
    assert (turn.task, turn.wait) == (None, 3)
    assert next_turn([], Pace(), NOW).wait == FOREVER
