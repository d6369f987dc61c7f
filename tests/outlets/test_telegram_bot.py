import asyncio
import logging
import traceback
from collections.abc import AsyncIterator

import pytest

from channelwatch.config.model import OutletConfig, Secret, Secrets
from channelwatch.errors import ConfigError, OutletError
from channelwatch.outlets import Message, open_outlet
from channelwatch.outlets.telegram_bot import TelegramBot
from channelwatch.simulator.botapi import BotApi

TOKEN = "123456789:CANARYCANARYCANARYCANARYCANARYCANAR"


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi({TOKEN: "alarm_bot"}, limits=None) as api:
        api.add_chat(7)
        yield api


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[TelegramBot]:
    bot = TelegramBot("desk", Secret(TOKEN), 7, api=api.url, deadline=0.5)
    yield bot
    await bot.close()


def message(body: str = "<b>бой</b> &amp; тишина", **fields: object) -> Message:
    return Message(body, alert=1, **fields)  # type: ignore[arg-type]


async def failure(bot: TelegramBot, sent: Message | None = None) -> OutletError:
    with pytest.raises(OutletError) as failure:
        await bot.send(sent or message())
    return failure.value


async def test_a_message_arrives_as_html_without_a_preview(api: BotApi, bot: TelegramBot) -> None:
    remote_id = await bot.send(message())
    (seen,) = api.messages(7)
    assert (str(seen.message_id), seen.text, seen.preview) == (remote_id, "бой & тишина", False)


async def test_a_repeated_message_is_marked_and_a_plain_one_is_not_read_as_html(api: BotApi, bot: TelegramBot) -> None:
    await bot.send(message("a <b> c", repeat=True, plain=True))
    assert [m.text for m in api.messages(7)] == ["(may repeat) a <b> c"]


async def test_a_group_that_grew_is_followed(api: BotApi, bot: TelegramBot) -> None:
    moved = api.migrate(7, to=-700)
    await bot.send(message())
    await bot.send(message())
    assert (len(moved.messages), bot.chat, api.answers[400]) == (2, -700, 1)


async def test_too_many_requests_name_the_servers_delay(api: BotApi, bot: TelegramBot) -> None:
    api.fault("flood", retry_after=17)
    error = await failure(bot)
    assert (error.retry_after, error.permanent, error.ambiguous) == (17.0, False, False)


async def test_a_lost_answer_is_ambiguous(api: BotApi, bot: TelegramBot) -> None:
    for fault in ("drop_answer", "hang"):
        api.fault(fault)  # type: ignore[arg-type]
        assert (await failure(bot)).ambiguous


async def test_a_server_that_is_not_there_is_not_ambiguous(api: BotApi, bot: TelegramBot) -> None:
    await api.stop()
    error = await failure(bot)
    assert not error.ambiguous
    assert not error.permanent


async def test_a_server_error_is_worth_another_try(api: BotApi, bot: TelegramBot) -> None:
    api.fault("server_error")
    error = await failure(bot)
    assert (error.permanent, error.ambiguous, error.retry_after) == (False, False, None)


async def test_a_chat_that_takes_no_message_is_the_outlets_fault_and_says_what_to_do(api: BotApi) -> None:
    api.add_chat(8).blocked = True
    for chat, remedy in ((8, "unblock"), (9, "outlets.desk.chat")):
        bot = TelegramBot("desk", Secret(TOKEN), chat, api=api.url)
        error = await failure(bot)
        assert (error.outlet_fault, error.permanent) == (True, False)
        assert remedy in error.remedy
        await bot.close()


async def test_only_what_concerns_the_message_is_permanent(bot: TelegramBot) -> None:
    error = await failure(bot, message(" "))
    assert (error.outlet_fault, error.permanent) == (False, True)


async def test_a_refused_token_is_the_outlets_fault(api: BotApi) -> None:
    bot = TelegramBot("desk", Secret("1:x"), 7, api=api.url)
    error = await failure(bot)
    assert (error.outlet_fault, error.permanent, error.ambiguous, error.retry_after) == (True, False, False, None)
    assert "token of outlets.desk" in error.remedy
    await bot.close()


async def test_an_address_that_is_no_bot_api_is_the_outlets_fault() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for address in (f"http://127.0.0.1:{port}", "ftp://127.0.0.1", "http://127.0.0.1:http"):
            bot = TelegramBot("desk", Secret(TOKEN), 7, api=address)
            error = await failure(bot)
            assert error.outlet_fault
            assert "outlets.desk.api" in error.remedy
            await bot.close()


async def test_no_server_makes_us_rest_for_more_than_a_day(api: BotApi, bot: TelegramBot) -> None:
    api.fault("flood", retry_after=10**300)
    assert (await failure(bot)).retry_after == 86_400.0


async def test_bad_markup_and_too_long_a_text_ask_for_plain_text(bot: TelegramBot) -> None:
    for body in ("<b>x", "x" * 5000):
        error = await failure(bot, message(body))
        assert (error.badly_formed, error.permanent) == (True, False)


async def test_checking_sends_nothing(api: BotApi, bot: TelegramBot) -> None:
    await bot.check()
    assert api.calls == {"getMe": 1}


async def test_the_token_shows_up_nowhere(api: BotApi, bot: TelegramBot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = [repr(bot), str(bot), bot.account, repr(bot.rates)]
    for fault in ("server_error", "drop_answer", "cut", "hang"):
        api.fault(fault)  # type: ignore[arg-type]
        shown += ["".join(traceback.format_exception(await failure(bot)))]
    await bot.send(message())
    api.migrate(7, to=-700)
    await bot.send(message())
    await api.stop()
    error = await failure(bot)
    assert error.__context__ is None  # nothing to dig an address out of
    shown += [repr(error), caplog.text]
    assert "CANARY" not in "".join(shown)
    assert "moved" in caplog.text


async def test_rates_stay_below_telegrams_and_count_groups_by_the_minute() -> None:
    person = TelegramBot("a", Secret(TOKEN), 7)
    group = TelegramBot("b", Secret(TOKEN), "@newsroom")
    assert [(rate.count, round(rate.seconds, 2)) for rate in person.rates] == [(25, 1.0), (1, 1.11)]
    assert [(rate.count, rate.seconds) for rate in group.rates][2:] == [(18, 60.0)]
    assert person.rates[0].key == group.rates[0].key


async def test_an_outlet_opens_with_the_token_that_its_config_names() -> None:
    config = OutletConfig(name="desk", kind="telegram", chat=7, token="DESK_TOKEN")
    assert open_outlet(config, Secrets(other={"DESK_TOKEN": Secret(TOKEN)})).name == "desk"
    with pytest.raises(ConfigError, match="DESK_TOKEN"):
        open_outlet(config, Secrets(bot_token=Secret(TOKEN)))
    with pytest.raises(ConfigError, match=r"outlets\.desk\.chat"):
        open_outlet(OutletConfig(name="desk", kind="telegram"), Secrets(bot_token=Secret(TOKEN)))
    assert open_outlet(OutletConfig(name="console", kind="console"), Secrets()).name == "console"
