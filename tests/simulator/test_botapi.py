import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from channelwatch.clock import FakeClock
from channelwatch.config.model import Secret
from channelwatch.outlets.telegram_bot import TelegramBot
from channelwatch.service.windows import Windows
from channelwatch.simulator.botapi import BotApi

TOKEN = "111:AAA"


async def call(api: BotApi, method: str, token: str = TOKEN, **fields: Any) -> tuple[int, dict[str, Any]]:
    """Speak plain HTTP; raises when the answer does not come."""
    port = int(api.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(fields).encode()
    head = f"POST /bot{token}/{method} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
        size = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return int(answer.split()[1]), json.loads(await reader.readexactly(size))
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2023, 5, 22, tzinfo=UTC))


@pytest.fixture
async def api(clock: FakeClock) -> AsyncIterator[BotApi]:
    async with BotApi({TOKEN: "alarm_bot"}, clock=clock) as api:
        api.add_chat(7)
        api.add_chat(-100, username="newsroom")
        yield api


async def test_a_message_is_seen_with_its_entities(api: BotApi) -> None:
    status, answer = await call(
        api, "sendMessage", chat_id=7, text="<b>бой</b> у границы", parse_mode="HTML", disable_notification=True
    )
    (message,) = api.messages(7)
    assert (status, answer["result"]["message_id"]) == (200, message.message_id)
    assert (message.text, message.entities[0].type, message.silent, message.bot) == (
        "бой у границы",
        "bold",
        True,
        "alarm_bot",
    )


async def test_a_chat_is_found_by_its_name(api: BotApi) -> None:
    await call(api, "sendMessage", chat_id="@Newsroom", text="x")
    assert len(api.messages(-100)) == 1


async def test_it_says_who_the_bot_is_and_has_no_updates(api: BotApi) -> None:
    assert (await call(api, "getMe"))[1]["result"]["username"] == "alarm_bot"
    assert (await call(api, "getUpdates"))[1]["result"] == []


async def test_an_edit_changes_the_message_in_place(api: BotApi) -> None:
    _, sent = await call(api, "sendMessage", chat_id=7, text="one")
    number = sent["result"]["message_id"]
    assert (await call(api, "editMessageText", chat_id=7, message_id=number, text="two"))[0] == 200
    assert [(m.text, m.edits) for m in api.messages(7)] == [("two", 1)]
    _, again = await call(api, "editMessageText", chat_id=7, message_id=number, text="two")
    assert again["description"] == "Bad Request: message is not modified"


@pytest.mark.parametrize(
    ("fields", "status", "description"),
    [
        ({"chat_id": 8, "text": "x"}, 400, "Bad Request: chat not found"),
        ({"chat_id": "@nobody", "text": "x"}, 400, "Bad Request: chat not found"),
        ({"chat_id": 7}, 400, "Bad Request: message text is empty"),
        ({"chat_id": 7, "text": " <b> </b> ", "parse_mode": "HTML"}, 400, "Bad Request: message text is empty"),
        ({"chat_id": 7, "text": "x" * 4097}, 400, "Bad Request: message is too long"),
        ({"chat_id": 7, "text": "💥" * 2049}, 400, "Bad Request: message is too long"),
        (
            {"chat_id": 7, "text": "<b>x", "parse_mode": "HTML"},
            400,
            "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ({"chat_id": 7, "text": "x", "token": "222:BBB"}, 401, "Unauthorized"),
    ],
)
async def test_it_refuses_what_telegram_refuses(
    api: BotApi, fields: dict[str, Any], status: int, description: str
) -> None:
    answer = await call(api, "sendMessage", **fields)
    assert (answer[0], answer[1]["description"]) == (status, description)
    assert api.messages(7) == []


async def test_the_length_counts_after_the_markup_is_read(api: BotApi) -> None:
    text = "<b>" + "&amp;" * 4096 + "</b>"
    assert (await call(api, "sendMessage", chat_id=7, text=text, parse_mode="HTML"))[0] == 200


async def test_a_blocked_bot_is_forbidden(api: BotApi) -> None:
    api.add_chat(7).blocked = True
    status, answer = await call(api, "sendMessage", chat_id=7, text="x")
    assert (status, answer["description"]) == (403, "Forbidden: bot was blocked by the user")


async def test_a_group_that_grew_tells_its_new_id(api: BotApi) -> None:
    api.migrate(-100, to=-200)
    status, answer = await call(api, "sendMessage", chat_id=-100, text="x")
    assert (status, answer["parameters"]) == (400, {"migrate_to_chat_id": -200})


async def test_a_chat_takes_a_small_burst_and_then_one_a_second(api: BotApi, clock: FakeClock) -> None:
    statuses = [(await call(api, "sendMessage", chat_id=7, text="x"))[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    clock.advance(3)
    assert (await call(api, "sendMessage", chat_id=7, text="x"))[0] == 200


async def test_who_is_refused_is_told_for_how_long_and_held_to_it(api: BotApi, clock: FakeClock) -> None:
    for _ in range(3):
        await call(api, "sendMessage", chat_id=7, text="x")
    _, answer = await call(api, "sendMessage", chat_id=7, text="x")
    assert (answer["parameters"], answer["description"]) == ({"retry_after": 3}, "Too Many Requests: retry after 3")
    clock.advance(2.9)
    assert (await call(api, "sendMessage", chat_id=-100, text="x"))[0] == 429  # the whole bot waits


async def test_a_group_takes_twenty_a_minute(api: BotApi, clock: FakeClock) -> None:
    for _ in range(20):
        assert (await call(api, "sendMessage", chat_id=-100, text="x"))[0] == 200
        clock.advance(1.5)
    status, answer = await call(api, "sendMessage", chat_id=-100, text="x")
    assert (status, answer["parameters"]) == (429, {"retry_after": 30})


async def test_a_bot_takes_thirty_a_second(api: BotApi) -> None:
    for chat in range(1000, 1031):
        api.add_chat(chat)
    statuses = [(await call(api, "sendMessage", chat_id=chat, text="x"))[0] for chat in range(1000, 1031)]
    assert statuses == [200] * 30 + [429]


async def test_the_limits_can_be_switched_off(api: BotApi) -> None:
    api.limits = None
    for _ in range(50):
        assert (await call(api, "sendMessage", chat_id=-100, text="x"))[0] == 200


async def test_faults_strike_as_often_as_asked(api: BotApi) -> None:
    api.fault("flood", retry_after=9)
    api.fault("server_error")
    assert (await call(api, "sendMessage", chat_id=7, text="x"))[1]["parameters"] == {"retry_after": 9}
    assert (await call(api, "sendMessage", chat_id=7, text="x"))[0] == 500
    assert api.messages(7) == []


async def test_a_dropped_answer_leaves_the_message_and_a_cut_does_not(api: BotApi) -> None:
    for fault in ("drop_answer", "cut"):
        api.fault(fault)  # type: ignore[arg-type]
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await call(api, "sendMessage", chat_id=7, text=fault)
    assert [m.text for m in api.messages(7)] == ["drop_answer"]


async def test_a_hanging_server_can_still_be_stopped(api: BotApi) -> None:
    api.fault("hang")
    hanging = asyncio.create_task(call(api, "sendMessage", chat_id=7, text="x"))
    while not api.calls["sendMessage"]:  # noqa: ASYNC110 -- the simulator has no event for it
        await asyncio.sleep(0.01)
    await api.stop()
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await hanging


async def test_the_pace_of_our_own_sender_is_never_refused(clock: FakeClock) -> None:
    sender = TelegramBot("desk", Secret(TOKEN), -100)
    windows = Windows(clock)
    async with BotApi({TOKEN: "alarm_bot"}, clock=clock) as api:
        api.add_chat(-100)
        while len(api.messages(-100)) < 60:
            if (wait := windows.take(sender.rates)) > 0:
                clock.advance(wait)
            else:
                await call(api, "sendMessage", chat_id=-100, text="x")
        assert api.answers == {200: 60}
