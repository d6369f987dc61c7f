"""Rules as dated versions."""

from datetime import timedelta

from channelwatch.archive.rules import in_force, sync
from channelwatch.archive.writer import Writer
from channelwatch.config.model import RuleConfig

from .conftest import NOW

DAY = timedelta(days=1)


def test_a_rule_that_did_not_change_keeps_its_row(writer: Writer) -> None:
    configs = [RuleConfig(name="b", query="обстрел"), RuleConfig(name="a", query="тревога")]
    first = writer.run_sync(sync, configs, NOW)
    assert [rule.name for rule in first] == ["b", "a"]
    assert writer.run_sync(sync, configs, NOW + DAY) == first


def test_another_query_is_another_version(writer: Writer) -> None:
    (first,) = writer.run_sync(sync, [RuleConfig(name="a", query="обстрел")], NOW)
    (second,) = writer.run_sync(sync, [RuleConfig(name="a", query="обстрел -учения")], NOW + DAY)
    assert (second.version, second.since, second.asked_since) == (2, NOW + DAY, NOW + DAY)
    assert second.id != first.id


def test_another_severity_does_not_make_the_question_younger(writer: Writer) -> None:
    writer.run_sync(sync, [RuleConfig(name="a", query="обстрел")], NOW)
    (second,) = writer.run_sync(
        sync, [RuleConfig(name="a", query="обстрел", severity="critical", outlets=("me",), max_age=60)], NOW + DAY
    )
    assert (second.version, second.since, second.asked_since) == (2, NOW + DAY, NOW)
    assert (second.severity, second.outlets, second.max_age) == ("critical", ("me",), 60)


def test_other_channels_are_another_question(writer: Writer) -> None:
    writer.run_sync(sync, [RuleConfig(name="a", query="обстрел")], NOW)
    (second,) = writer.run_sync(sync, [RuleConfig(name="a", query="обстрел", channels=("baza",))], NOW + DAY)
    assert second.asked_since == NOW + DAY


def test_a_rule_that_went_and_came_back_is_young(writer: Writer) -> None:
    configs = [RuleConfig(name="a", query="обстрел")]
    writer.run_sync(sync, configs, NOW)
    assert writer.run_sync(sync, [], NOW + DAY) == []
    assert writer.run_sync(in_force) == []
    (back,) = writer.run_sync(sync, configs, NOW + 2 * DAY)
    assert (back.version, back.asked_since) == (2, NOW + 2 * DAY)
