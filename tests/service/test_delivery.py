"""The pump against a real Bot API server on loopback and a real archive file."""

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channelwatch.archive import alerts, outbox, posts, standing
from channelwatch.archive.alerts import DeliveryShown
from channelwatch.archive.channels import upsert
from channelwatch.archive.file import Archive
from channelwatch.archive.writer import Writer
from channelwatch.clock import SystemClock
from channelwatch.config.model import Secret
from channelwatch.errors import ArchiveBusy
from channelwatch.outlets import Message, Outlet, Rate
from channelwatch.outlets.telegram_bot import TelegramBot
from channelwatch.post import ChannelInfo, Post
from channelwatch.service.delivery import DeliveryPump
from channelwatch.service.windows import Windows
from channelwatch.simulator.botapi import BotApi

TOKEN, OTHER = "111:AAA", "222:BBB"
DESK, PHONE = 7, 8


class Bot(TelegramBot):
    """The real sender without its own pace, so that tests need not wait for it."""

    rates: tuple[Rate, ...] = ()  # type: ignore[assignment]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "channelwatch.db")


@pytest.fixture
def writer(archive: Archive) -> Iterator[Writer]:
    with archive.open_writer() as writer:
        yield writer


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi({TOKEN: "alarm_bot", OTHER: "other_bot"}, limits=None) as api:
        api.add_chat(DESK)
        api.add_chat(PHONE)
        yield api


def bot(api: BotApi, name: str = "desk", chat: int = DESK, token: str = TOKEN, deadline: float = 0.3) -> Bot:
    return Bot(name, Secret(token), chat, api=api.url, deadline=deadline)


def raise_alert(
    connection: sqlite3.Connection,
    number: int,
    severity: str = "warning",
    bodies: tuple[str, ...] = (),
    outlet: str = "desk",
) -> int:
    now = datetime.now(UTC)
    upsert(connection, ChannelInfo(5, 1, "legion", "Legion", False), None, now)
    stored = posts.store(connection, [Post(5, number, now, f"text {number}")], "push", now)
    alert = alerts.add(connection, post=stored.new[0], severity=severity, state="ringing", reason="new", now=now)
    outbox.enqueue(connection, alert, outlet, bodies or (f"<b>text</b> {number}",), now)
    return alert


def deliveries(connection: sqlite3.Connection) -> list[DeliveryShown]:
    return [delivery for alert in reversed(alerts.listed(connection)) for delivery in alert.deliveries]


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 -- what is waited for happens on the other side of a socket
        await asyncio.sleep(0.005)


async def settled(writer: Writer) -> list[DeliveryShown]:
    """Wait until nothing is due any more."""
    while True:
        shown = await writer.run(deliveries)
        if all(delivery.state in ("sent", "dead") for delivery in shown):
            return shown
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def pumping(writer: Writer, *outlets: Outlet, deadline: float = 1.0) -> AsyncIterator[DeliveryPump]:
    pump = DeliveryPump(writer, outlets, SystemClock(), deadline=deadline, backoff=0.05)
    running = asyncio.create_task(pump.run())
    try:
        yield pump
    finally:
        await pump.stop(0.2)
        await running


async def test_what_is_due_is_sent_once_and_recorded(api: BotApi, writer: Writer) -> None:
    for number in (1, 2, 3):
        await writer.run(raise_alert, number)
    async with pumping(writer, bot(api)):
        shown = await settled(writer)
    assert [m.text for m in api.messages(DESK)] == ["text 1", "text 2", "text 3"]
    assert [(d.state, d.attempts, d.remote_id, d.error) for d in shown] == [
        ("sent", 1, str(m.message_id), None) for m in api.messages(DESK)
    ]


async def test_a_wake_sends_what_came_later(api: BotApi, writer: Writer) -> None:
    async with pumping(writer, bot(api)) as pump:
        await writer.run(raise_alert, 1)
        pump.wake()
        await settled(writer)
        assert pump.last_sent is not None
    assert len(api.messages(DESK)) == 1


async def test_the_servers_delay_is_stored_and_honoured_by_all_outlets_of_the_bot(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    api.fault("flood", retry_after=1)
    async with pumping(writer, bot(api), bot(api, "phone", PHONE), bot(api, "other", PHONE, OTHER)):
        await until(lambda: api.answers[429])
        await asyncio.sleep(0.05)
        pauses = dict(
            await writer.run(lambda c: c.execute("SELECT outlet, reason FROM outlet_pauses ORDER BY 1").fetchall())
        )
        (delivery,) = await settled(writer)
    assert pauses == dict.fromkeys(("desk", "phone"), "sendMessage: Too Many Requests: retry after 1")
    assert (delivery.attempts, api.answers[429], len(api.messages(DESK))) == (2, 1, 1)


async def test_a_lost_answer_is_followed_by_one_marked_copy(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    api.fault("drop_answer")
    async with pumping(writer, bot(api)):
        (delivery,) = await settled(writer)
    assert [m.text for m in api.messages(DESK)] == ["text 1", "(may repeat) text 1"]
    assert (delivery.state, delivery.reason) == ("sent", "new; may repeat")


async def test_an_answer_lost_twice_ends_it_with_a_reason(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    api.fault("drop_answer", 5)
    async with pumping(writer, bot(api)):
        (delivery,) = await settled(writer)
    assert len(api.messages(DESK)) == 2
    assert delivery.state == "dead"
    assert "probably arrived" in (delivery.error or "")


async def test_a_server_that_answers_nothing_gets_no_second_copy_until_it_answers_again(
    api: BotApi, writer: Writer
) -> None:
    await writer.run(raise_alert, 1)
    api.fault("hang")
    async with pumping(writer, bot(api)) as pump:
        await until(lambda: api.calls["sendMessage"])
        await api.stop()
        while (await writer.run(deliveries))[0].attempts < 2:
            pump.wake()
            await asyncio.sleep(0.05)
        await api.start()
        (delivery,) = await settled(writer)
    assert (delivery.state, [m.text for m in api.messages(DESK)]) == ("sent", ["(may repeat) text 1"])


async def test_an_outlet_that_never_answers_meets_the_pumps_own_deadline(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    api.fault("hang")
    async with pumping(writer, bot(api, deadline=60), deadline=0.2):
        (delivery,) = await settled(writer)
    assert (delivery.state, delivery.attempts) == ("sent", 2)


async def test_server_errors_are_tried_again_without_a_mark(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    api.fault("server_error")
    async with pumping(writer, bot(api)):
        (delivery,) = await settled(writer)
    assert ([m.text for m in api.messages(DESK)], delivery.attempts) == (["text 1"], 2)


async def test_what_can_never_arrive_is_dead_at_once_and_the_rest_goes_on(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1, "warning", (" ",))
    for number in range(2, 22):
        await writer.run(raise_alert, number)
    async with pumping(writer, bot(api)):
        shown = await settled(writer)
    assert [d.state for d in shown] == ["dead"] + ["sent"] * 20
    assert "message text is empty" in (shown[0].error or "")


async def test_a_wrong_chat_or_token_costs_one_attempt_and_no_alert(api: BotApi, writer: Writer) -> None:
    for number in range(1, 6):
        await writer.run(raise_alert, number)
        await writer.run(raise_alert, number + 100, "warning", (), "phone")
    async with pumping(writer, bot(api, chat=9999), bot(api, "phone", PHONE, "1:wrong")) as pump:
        await until(lambda: api.answers[400] and api.answers[401])
        while len(await writer.run(standing.outlets)) < 2:
            pump.wake()
            await asyncio.sleep(0.02)
        desk, phone = await writer.run(standing.outlets)
        assert {d.state for d in await writer.run(deliveries)} == {"due"}
        assert api.answers == {400: 1, 401: 1}
        assert ("chat not found" in desk.reason, desk.waiting) == (True, 5)
        assert ("token of outlets.phone" in phone.reason, phone.waiting) == (True, 5)

        await pump.replace([bot(api), bot(api, "phone", PHONE)])
        shown = await settled(writer)
    assert {d.state for d in shown} == {"sent"}
    assert [m.text for m in api.messages(DESK)] == [f"text {number}" for number in range(1, 6)]
    assert await writer.run(standing.outlets) == []


async def test_a_restart_tries_an_outlet_at_fault_again_at_once(api: BotApi, writer: Writer) -> None:
    api.add_chat(DESK).blocked = True
    await writer.run(raise_alert, 1)
    for _ in range(2):
        calls = api.answers[403]
        async with pumping(writer, bot(api)):
            await until(lambda before=calls: api.answers[403] > before)  # type: ignore[misc]
    assert [d.state for d in await writer.run(deliveries)] == ["due"]
    api.add_chat(DESK)
    async with pumping(writer, bot(api)):
        (delivery,) = await settled(writer)
    assert (delivery.state, [m.text for m in api.messages(DESK)]) == ("sent", ["text 1"])


async def test_a_refusal_that_the_outlet_before_hears_late_does_not_rest_the_corrected_one(
    api: BotApi, writer: Writer
) -> None:
    heard, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Bot):
        async def send(self, message: Message) -> str:
            heard.set()
            await go_on.wait()
            return await super().send(message)

    await writer.run(raise_alert, 1)
    async with pumping(writer, Slow("desk", Secret(TOKEN), 9999, api=api.url)) as pump:
        await heard.wait()
        await pump.replace([bot(api)])
        go_on.set()
        await until(lambda: api.answers[400])
        pump.wake()
        (delivery,) = await settled(writer)
    assert (delivery.state, delivery.attempts) == ("sent", 2)


async def test_markup_that_is_refused_arrives_as_plain_text(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1, "warning", ("<b>бой</b> &lt; <x>",))
    async with pumping(writer, bot(api)):
        (delivery,) = await settled(writer)
    assert ([m.text for m in api.messages(DESK)], delivery.attempts) == (["бой < <x>"], 1)


async def test_parts_arrive_in_order_though_the_first_fails(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1, "warning", ("one", "two", "three"))
    api.fault("server_error")
    async with pumping(writer, bot(api)):
        await settled(writer)
    assert [m.text for m in api.messages(DESK)] == ["one", "two", "three"]


async def test_a_dead_outlet_holds_nobody_elses_messages(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    for number in range(2, 12):
        await writer.run(raise_alert, number, "warning", (), "phone")
    api.fault("hang", 99, chat=DESK)
    async with pumping(writer, bot(api, deadline=30), bot(api, "phone", PHONE), deadline=30):
        await until(lambda: len(api.messages(PHONE)) == 10)
        states = {d.outlet: d.state for d in await writer.run(deliveries)}
    assert states["desk"] == "sending"


async def test_a_crash_between_claim_and_record_sends_one_marked_copy(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    (claimed,) = await writer.run(outbox.claim, "desk", datetime.now(UTC))
    async with bot_sending(api, claimed.body):
        pass  # the process dies here: it was sent, and nothing says so
    async with pumping(writer, bot(api)):
        (delivery,) = await settled(writer)
    assert [m.text for m in api.messages(DESK)] == ["text 1", "(may repeat) text 1"]
    assert (delivery.state, delivery.attempts) == ("sent", 2)


async def test_a_crash_does_not_use_up_the_second_try_of_a_lost_answer(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    await writer.run(outbox.claim, "desk", datetime.now(UTC))  # the process dies before it sends
    api.fault("cut")
    async with pumping(writer, bot(api)):
        (delivery,) = await settled(writer)
    assert (delivery.state, len(api.messages(DESK))) == ("sent", 1)


@contextlib.asynccontextmanager
async def bot_sending(api: BotApi, body: str) -> AsyncIterator[None]:
    from channelwatch.outlets import Message

    sender = bot(api)
    await sender.send(Message(body, alert=1))
    yield
    await sender.close()


async def test_a_stop_drains_what_is_due_and_leaves_the_rest_for_later(api: BotApi, writer: Writer) -> None:
    for number in range(1, 6):
        await writer.run(raise_alert, number)
    pump = DeliveryPump(writer, [bot(api)], SystemClock())
    running = asyncio.create_task(pump.run())
    await until(lambda: api.messages(DESK))
    api.fault("hang", 99, chat=PHONE)
    await pump.stop(5)
    await running
    assert len(api.messages(DESK)) == 5
    await pump.stop(5)


async def test_a_stop_cuts_a_hanging_send_and_the_next_start_marks_it(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    api.fault("hang")
    async with pumping(writer, bot(api, deadline=30), deadline=30):
        await until(lambda: api.calls["sendMessage"])
    async with pumping(writer, bot(api)):
        await settled(writer)
    assert [m.text for m in api.messages(DESK)] == ["(may repeat) text 1"]


async def test_a_stop_before_the_start_is_fine(api: BotApi, writer: Writer) -> None:
    pump = DeliveryPump(writer, [bot(api)], SystemClock())
    await pump.stop()
    await pump.run()


async def test_a_cancelled_pump_leaves_no_lane_behind(api: BotApi, writer: Writer) -> None:
    pump = DeliveryPump(writer, [bot(api)], SystemClock())
    running = asyncio.create_task(pump.run())
    await until(lambda: len(asyncio.all_tasks()) > 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name().startswith("lane")])


async def test_other_outlets_can_take_over_while_it_runs(api: BotApi, writer: Writer) -> None:
    await writer.run(raise_alert, 1)
    async with pumping(writer, bot(api)) as pump:
        await settled(writer)
        await pump.replace([bot(api, "phone", PHONE)])
        await writer.run(raise_alert, 2, "warning", (), "phone")
        pump.wake()
        await settled(writer)
    assert (len(api.messages(DESK)), len(api.messages(PHONE))) == (1, 1)


async def test_an_archive_that_is_busy_keeps_the_outlets_that_were_there(api: BotApi, writer: Writer) -> None:
    async with pumping(writer, bot(api)) as pump:
        await writer.run(raise_alert, 1)
        await settled(writer)
        run, writer.run = writer.run, refuse  # type: ignore[method-assign,assignment]
        with pytest.raises(ArchiveBusy):
            await pump.replace([bot(api, "phone", PHONE)])
        writer.run = run  # type: ignore[method-assign]
        await writer.run(raise_alert, 2)
        pump.wake()
        await settled(writer)
    assert len(api.messages(DESK)) == 2


async def test_what_arrived_is_recorded_when_the_archive_is_free_again_and_not_sent_twice(
    api: BotApi, archive: Archive, writer: Writer
) -> None:
    other = sqlite3.connect(archive.path, isolation_level=None, check_same_thread=False)
    await writer.run(lambda connection: connection.execute("PRAGMA busy_timeout = 50"))

    class Locking(Bot):
        async def send(self, message: Message) -> str:
            arrived = await super().send(message)
            other.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(0.3, other.execute, "COMMIT")
            return arrived

    await writer.run(raise_alert, 1)
    outlet = Locking("desk", Secret(TOKEN), DESK, api=api.url, deadline=1.0)
    pump = DeliveryPump(writer, [outlet], SystemClock(), lease=0.6, backoff=0.05)
    running = asyncio.create_task(pump.run())
    await until(lambda: api.messages(DESK))
    await asyncio.sleep(0.35)
    (shown,) = await settled(writer)
    await pump.stop(0.2)
    await running
    other.close()
    assert (shown.state, shown.attempts, len(api.messages(DESK))) == ("sent", 1, 1)


async def test_a_lane_that_fails_ends_the_pump_where_it_is_seen(api: BotApi, writer: Writer) -> None:
    run = writer.run

    async def fail_when_idle(fn: Any, *args: Any, **more: Any) -> Any:
        if fn is outbox.next_due:
            raise RuntimeError("nobody foresaw this")
        return await run(fn, *args, **more)

    writer.run = fail_when_idle  # type: ignore[method-assign,assignment]
    await asyncio.wait_for(DeliveryPump(writer, [bot(api)], SystemClock()).run(), 5)


async def refuse(*_: Any, **__: Any) -> None:
    raise ArchiveBusy("disk full")


async def test_random_faults_lose_nothing_and_add_no_more_copies_than_answers_were_lost(
    api: BotApi, writer: Writer
) -> None:
    api.chances = {"drop_answer": 0.08, "server_error": 0.1}
    for number in range(1, 41):
        await writer.run(raise_alert, number, "warning", (), "desk" if number % 2 else "phone")
    async with pumping(writer, bot(api), bot(api, "phone", PHONE, OTHER)):
        await settled(writer)
    texts = [m.text.removeprefix("(may repeat) ") for chat in (DESK, PHONE) for m in api.messages(chat)]
    assert set(texts) == {f"text {number}" for number in range(1, 41)}
    assert len(texts) <= 40 + api.dropped


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2023, 5, 22, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


def test_no_window_of_time_ever_holds_more_than_its_rates_allow() -> None:
    clock = Hands()
    windows = Windows(clock)
    rates = (Rate("bot", 25, 1.0), Rate("chat", 1, 1 / 0.9), Rate("minute", 18, 60.0))
    sent: list[float] = []
    while clock.seconds < 300:
        if (wait := windows.take(rates)) > 0:
            clock.seconds += wait
        else:
            sent.append(clock.seconds)
    assert min(b - a for a, b in itertools.pairwise(sent)) >= 1.1
    assert max(sum(start <= at < start + 60 for at in sent) for start in sent) == 18
    assert len(sent) == 5 * 18


def test_a_message_that_was_not_sent_gives_its_place_back() -> None:
    windows = Windows(Hands())
    rate = Rate("chat", 1, 10.0)
    assert windows.take([rate]) == 0.0
    windows.give_back([rate])
    assert windows.take([rate]) == 0.0
    assert windows.take([rate]) == 10.0
