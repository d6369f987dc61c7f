import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channelwatch.archive import alerts, outbox, posts, standing
from channelwatch.archive.channels import upsert
from channelwatch.archive.file import Archive
from channelwatch.archive.writer import Writer
from channelwatch.clock import iso
from channelwatch.post import ChannelInfo, Post

NOW = datetime(2023, 5, 22, 9, 0, tzinfo=UTC)
SOON = NOW + timedelta(milliseconds=500)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def alert(connection: sqlite3.Connection, number: int, severity: str = "warning") -> int:
    upsert(connection, ChannelInfo(5, 1, "legion", "Legion", False), None, NOW)
    stored = posts.store(connection, [Post(5, number, NOW, f"text {number}")], "push", NOW)
    return alerts.add(connection, post=stored.new[0], severity=severity, state="ringing", reason="new", now=NOW)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Archive(tmp_path / "channelwatch.db").open_writer() as writer:
        yield writer


async def test_the_highest_severity_goes_first_and_parts_go_in_order(writer: Writer) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        outbox.enqueue(connection, alert(connection, 1, "info"), "desk", ["i"], NOW)
        outbox.enqueue(connection, alert(connection, 2, "critical"), "desk", ["c1", "c2"], NOW)
        outbox.enqueue(connection, alert(connection, 3), "desk", ["w"], NOW)

    await writer.run(fill)
    order = []
    while claimed := await writer.run(outbox.claim, "desk", SOON):
        order.append(claimed[0].body)
        await writer.run(outbox.sent, claimed[0].id, "7", SOON)
    assert order == ["c1", "c2", "w", "i"]


async def test_a_claimed_delivery_is_nobody_elses_until_its_lease_ends(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "desk", ["one"], NOW)
    (first,) = await writer.run(outbox.claim, "desk", NOW, lease=60)
    assert (first.attempts, first.ambiguous) == (1, 0)
    assert await writer.run(outbox.claim, "desk", later(59.5)) == []
    (again,) = await writer.run(outbox.claim, "desk", later(60))
    assert (again.id, again.attempts, again.ambiguous) == (first.id, 2, 1)


async def test_a_new_process_ends_the_leases_of_the_one_before(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "desk", ["one"], NOW)
    await writer.run(outbox.claim, "desk", NOW)
    assert await writer.run(outbox.interrupt, later(1)) == 1
    (again,) = await writer.run(outbox.claim, "desk", later(1))
    assert again.ambiguous == 1


async def test_an_alert_is_enqueued_once_for_each_outlet_and_part(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    assert await writer.run(outbox.enqueue, number, "desk", ["one", "two"], NOW) == 2
    assert await writer.run(outbox.enqueue, number, "desk", ["one", "two"], NOW) == 0
    assert await writer.run(outbox.enqueue, number, "phone", ["one"], NOW) == 1


async def test_a_failed_part_keeps_the_next_one_waiting_and_a_dead_one_does_not(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "desk", ["one", "two"], NOW)
    (one,) = await writer.run(outbox.claim, "desk", NOW)
    await writer.run(outbox.retry, one.id, later(30), "500")
    assert await writer.run(outbox.claim, "desk", later(1)) == []
    assert await writer.run(outbox.next_due, "desk") == later(30)
    (one,) = await writer.run(outbox.claim, "desk", later(30))
    await writer.run(outbox.dead, one.id, "gone")
    (two,) = await writer.run(outbox.claim, "desk", later(30))
    assert two.body == "two"


async def test_a_pause_holds_its_outlet_only_and_is_never_shortened(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    for outlet in ("desk", "phone"):
        await writer.run(outbox.enqueue, number, outlet, ["one"], NOW)
    await writer.run(outbox.pause, ["desk"], later(30.5), "429", NOW)
    await writer.run(outbox.pause, ["desk"], later(30), "429", NOW)
    assert await writer.run(outbox.claim, "desk", later(30.2)) == []
    assert await writer.run(outbox.next_due, "desk") == later(30.5)
    assert len(await writer.run(outbox.claim, "phone", later(1))) == 1
    assert len(await writer.run(outbox.claim, "desk", later(31))) == 1


async def test_deliveries_of_outlets_that_are_gone_are_given_up_with_a_reason(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "gone", ["one"], NOW)
    await writer.run(outbox.enqueue, number, "desk", ["one"], NOW)
    assert await writer.run(outbox.give_up_unknown, ["desk"]) == 1
    (shown,) = await writer.run(alerts.listed)
    assert [(d.outlet, d.state, d.error) for d in shown.deliveries] == [
        ("desk", "due", None),
        ("gone", "dead", "the configuration has no such outlet any more"),
    ]


async def test_what_was_given_up_is_due_again_when_its_outlet_is_back_while_it_is_news(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "gone", ["one"], NOW)
    await writer.run(outbox.enqueue, number, "away", ["one"], NOW)
    await writer.run(outbox.give_up_unknown, ["desk"])
    assert await writer.run(outbox.take_up_known, ["gone", "desk"], later(86_401)) == 0
    assert await writer.run(outbox.take_up_known, ["gone", "desk"], later(60)) == 1
    assert len(await writer.run(outbox.claim, "gone", later(60))) == 1
    assert await writer.run(outbox.claim, "away", later(60)) == []


async def test_an_outlet_at_fault_rests_longer_and_longer_and_its_deliveries_stay_due(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "desk", ["one", "two"], NOW)
    moment, rests = NOW, []
    for _ in range(6):
        (one,) = await writer.run(outbox.claim, "desk", moment)
        rest = await writer.run(outbox.refused, one.id, "chat not found", moment)
        assert await writer.run(outbox.claim, "desk", rest - timedelta(seconds=1)) == []
        assert await writer.run(outbox.next_due, "desk") == rest
        rests.append((rest - moment).total_seconds() / 60)
        moment = rest
    assert rests == [1, 2, 4, 8, 15, 15]
    (shown,) = await writer.run(alerts.listed)
    assert [(d.state, d.error) for d in shown.deliveries] == [("due", "chat not found")] * 2
    at_fault = (await writer.run(standing.outlets))[0]
    assert (at_fault.since, at_fault.waiting) == (iso(NOW), 2)


async def test_a_message_that_arrives_or_settings_read_anew_end_the_rest_of_an_outlet_at_fault(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "desk", ["one", "two"], NOW)
    (one,) = await writer.run(outbox.claim, "desk", NOW)
    await writer.run(outbox.refused, one.id, "chat not found", NOW)
    await writer.run(outbox.forgive, "desk")
    (one,) = await writer.run(outbox.claim, "desk", NOW)
    rest = await writer.run(outbox.refused, one.id, "chat not found", NOW)
    assert rest == later(60)
    (one,) = await writer.run(outbox.claim, "desk", rest)
    await writer.run(outbox.sent, one.id, "7", rest)
    assert await writer.run(outbox.paused_until, "desk") is None


async def test_a_wait_that_was_asked_for_outlasts_new_settings_and_hides_no_fault(writer: Writer) -> None:
    number = await writer.run(alert, 1)
    await writer.run(outbox.enqueue, number, "desk", ["one"], NOW)
    await writer.run(outbox.pause, ["desk", "phone"], later(5), "429", NOW)
    await writer.run(outbox.forgive, "desk")
    assert await writer.run(outbox.paused_until, "desk") == later(5)
    assert await writer.run(standing.outlets) == []
    (one,) = await writer.run(outbox.claim, "desk", later(5))
    await writer.run(outbox.refused, one.id, "chat not found", later(5))
    await writer.run(outbox.pause, ["desk", "phone"], later(600), "429", later(6))
    (at_fault,) = await writer.run(standing.outlets)
    assert (at_fault.reason, at_fault.since, at_fault.until) == ("chat not found", iso(later(5)), iso(later(600)))


async def test_what_was_given_up_is_sent_again_or_dismissed_as_a_person_says(writer: Writer) -> None:
    for number in (1, 2):
        made = await writer.run(alert, number)
        await writer.run(outbox.enqueue, made, "desk", [f"text {number}"], NOW)
        (claimed,) = await writer.run(outbox.claim, "desk", NOW)
        await writer.run(outbox.dead, claimed.id, "message text is empty", ambiguous=number == 1)
    first, second = await writer.run(outbox.given_up)
    assert await writer.run(outbox.given_up, [second.alert]) == [second]
    assert await writer.run(outbox.dismiss, [second.id]) == 1
    assert await writer.run(outbox.resend, [first.id, second.id], later(9)) == 1
    (claimed,) = await writer.run(outbox.claim, "desk", later(9))
    assert (claimed.body, claimed.ambiguous, claimed.error) == ("text 1", 1, None)
    newest = (await writer.run(alerts.listed))[0].deliveries[0]
    assert (newest.state, newest.error) == ("dismissed", "message text is empty")
    assert await writer.run(outbox.given_up) == []
