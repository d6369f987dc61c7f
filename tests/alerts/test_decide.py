from datetime import UTC, datetime, timedelta

import pytest

from channelwatch.alerts.decide import Arrival, Decision, Rule, decide, higher, span
from channelwatch.config.model import AlertsConfig
from channelwatch.post import Came

NOON = datetime(2023, 5, 22, 12, 0, tzinfo=UTC)
CONFIG = AlertsConfig()


def rule(number: int = 1, **changes: object) -> Rule:
    fields: dict[str, object] = {"id": number, "name": f"rule {number}", "since": NOON - timedelta(days=1)}
    return Rule(**(fields | changes))  # type: ignore[arg-type]


def arrival(came: Came = "push", *, age: float = 0, late: float = 0, **changes: object) -> Arrival:
    date = NOON - timedelta(seconds=age)
    return Arrival(came=came, date=date, arrived=date + timedelta(seconds=late), **changes)  # type: ignore[arg-type]


def test_a_fresh_post_rings_on_the_console_when_the_rule_names_no_outlet() -> None:
    assert decide(arrival(), [rule()], CONFIG) == Decision("ringing", "new", "warning", ("console",))


def test_the_highest_severity_wins_and_every_outlet_is_told_once() -> None:
    rules = [
        rule(1, severity="info", outlets=("desk", "phone")),
        rule(2, severity="critical", outlets=("phone", "chief")),
        rule(3, severity="warning"),
    ]
    decision = decide(arrival(), rules, CONFIG)
    assert (decision.severity, decision.outlets) == ("critical", ("desk", "phone", "chief", "console"))


@pytest.mark.parametrize(
    ("came", "reason"), [("backfill", "backfilled: never rings"), ("import", "imported: never rings")]
)
def test_what_was_not_live_never_rings(came: Came, reason: str) -> None:
    assert decide(arrival(came), [rule()], CONFIG) == Decision("quiet", reason, "warning")


def test_a_post_older_than_the_rule_stays_quiet() -> None:
    decision = decide(arrival(age=60), [rule(since=NOON)], CONFIG)
    assert (decision.state, decision.reason) == ("quiet", "older than the rule")


def test_a_post_of_the_second_in_which_the_rule_began_rings() -> None:
    """Telegram dates posts in whole seconds: a post may look older than the rule that it came after."""
    assert decide(arrival(), [rule(since=NOON + timedelta(milliseconds=700))], CONFIG).state == "ringing"


def test_a_late_post_rings_marked_late() -> None:
    decision = decide(arrival("sweep", late=2 * 3600 + 5 * 60), [rule()], CONFIG)
    assert (decision.state, decision.reason) == ("ringing", "late: it reached us 2 h 5 min after it was posted")


def test_a_post_past_the_greatest_age_stays_quiet() -> None:
    decision = decide(arrival("sweep", late=6 * 3600 + 1), [rule()], CONFIG)
    assert (decision.state, decision.reason) == ("quiet", "older than 6 h when it reached us")


def test_a_rules_own_greatest_age_goes_before_the_general_one() -> None:
    late = arrival("hole", late=3600)
    assert decide(late, [rule(max_age=600)], CONFIG).reason == "older than 10 min when it reached us"
    assert decide(arrival("hole", late=9 * 3600), [rule(max_age=86400)], CONFIG).state == "ringing"


def test_a_rule_that_rings_carries_the_quiet_ones_but_not_their_outlets() -> None:
    rules = [rule(1, max_age=60, outlets=("desk",), severity="critical"), rule(2, outlets=("phone",))]
    decision = decide(arrival("sweep", late=3600), rules, CONFIG)
    assert (decision.state, decision.severity, decision.outlets) == ("ringing", "warning", ("phone",))


def test_quiet_rules_with_different_reasons_are_named() -> None:
    rules = [rule(1, since=NOON + timedelta(hours=1)), rule(2, max_age=60)]
    assert decide(arrival(late=3600), rules, CONFIG).reason == (
        "rule 1: older than the rule; rule 2: older than 1 min when it reached us"
    )


def test_an_edit_into_a_match_rings_and_says_so() -> None:
    edit = Arrival("push", NOON - timedelta(days=3), NOON, revision=2, edited=NOON - timedelta(seconds=2))
    assert decide(edit, [rule()], CONFIG) == Decision("ringing", "edited into a match", "warning", ("console",))


def test_a_late_edit_says_both() -> None:
    edit = Arrival("sweep", NOON - timedelta(days=3), NOON, revision=2, edited=NOON - timedelta(hours=1))
    assert decide(edit, [rule()], CONFIG).reason == ("edited into a match; late: it reached us 1 h after it was edited")


def test_an_edit_of_a_text_that_matched_before_is_no_news() -> None:
    edit = arrival(revision=2, edited=NOON)
    decision = decide(edit, [rule()], CONFIG, before={1})
    assert (decision.state, decision.reason) == ("quiet", "the text matched before the edit too")


def test_an_edit_that_meets_another_rule_rings_only_where_it_was_not_told() -> None:
    edit = arrival(revision=2, edited=NOON)
    rules = [rule(1, outlets=("desk",)), rule(2, outlets=("desk", "phone"))]
    assert decide(edit, rules, CONFIG, before={1}, told={"desk"}).outlets == ("phone",)


def test_a_post_told_everywhere_does_not_ring_again() -> None:
    assert decide(arrival(), [rule()], CONFIG, told={"console"}).reason == "already told"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (45, "45 s"), (60, "1 min"), (725, "12 min"), (3600, "1 h"), (7500, "2 h 5 min"), (273600, "3 d 4 h")],
)
def test_lengths_of_time_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_the_higher_of_two_severities_is_found() -> None:
    assert higher("info", "critical") == "critical"
