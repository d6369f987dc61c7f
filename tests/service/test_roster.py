"""The roster: names that need no look-up, channels that are lost, renamed and found again."""

import time
from typing import Any

from structlog.testing import capture_logs

from channelwatch.config.model import BackfillConfig, ChannelConfig, Config, TelegramConfig

from ..telegram_fixtures import dc, world  # noqa: F401
from .test_watch import Rig, rig, until  # noqa: F401

RESOLVE = "contacts.resolveUsername"


async def test_a_channel_that_the_account_is_in_never_costs_a_look_up(rig: Rig) -> None:  # noqa: F811
    news = rig.channel("News_Here")
    private = rig.world.add_channel("short_lived")
    rig.world.join(rig.me, private)
    rig.world.rename(private, None)
    rig.config = (ChannelConfig(name="https://t.me/news_here/5"), ChannelConfig(name=f"-100{private.id:010d}"))
    async with rig.watching() as watch:
        assert set(watch.channels) == {news.id, private.id}
    assert rig.dc.calls[RESOLVE] == 0
    assert rig.dc.calls["messages.getDialogs"] == 1
    async with rig.watching():
        pass
    assert rig.dc.calls["messages.getDialogs"] == 1


async def test_only_what_is_not_among_the_chats_is_looked_up(rig: Rig) -> None:  # noqa: F811
    for number in range(130):
        rig.channel(f"member_{number}")
    rig.channel("stranger_one", joined=False)
    rig.channel("stranger_two", joined=False)
    told: list[str] = []
    async with rig.watching(progress=told.append) as watch:
        assert len(watch.channels) == 132
        assert watch.status().resolve_seconds == 0
    assert rig.dc.calls[RESOLVE] == 2
    assert rig.dc.calls["messages.getDialogs"] == 2
    assert told[0].startswith("130 channels found among the account's own chats; 2 channels to look up")


async def test_a_channel_added_while_running_is_sought_among_the_chats_first(rig: Rig) -> None:  # noqa: F811
    rig.channel("first_one")
    before = rig.config
    second = rig.channel("second_one")
    rig.config = before
    async with rig.watching() as watch:
        both = (*before, ChannelConfig(name="second_one"))
        await watch.replace(Config(folder=rig.folder, channels=both, telegram=TelegramConfig(pace=0)))
        await until(lambda: second.id in watch.channels)
    assert rig.dc.calls[RESOLVE] == 0


async def test_where_the_chats_can_not_be_read_names_are_looked_up(rig: Rig) -> None:  # noqa: F811
    news = rig.channel("news_here")
    rig.dc.fault("messages.getDialogs", "400 INPUT_CONSTRUCTOR_INVALID", times=None)
    async with rig.watching(ready=False) as watch:

        def found() -> bool:
            for wanted in watch._roster.wanted:
                wanted.due = 0.0  # no need to wait
            watch.wake()
            return bool(watch.channels)

        await until(found)
        assert set(watch.channels) == {news.id}
    assert rig.dc.calls[RESOLVE] == 1
    assert rig.dc.calls["messages.getDialogs"] == 3


async def test_an_id_that_the_account_does_not_know_is_said(rig: Rig) -> None:  # noqa: F811
    stranger = rig.world.add_channel("stranger_one")
    name = f"-100{stranger.id:010d}"
    rig.config = (ChannelConfig(name=name),)
    async with rig.watching(ready=False) as watch:
        await until(lambda: "give its @name" in watch.status().unresolved.get(name, ""))
        assert watch.status().resolve_seconds == 0
    assert rig.dc.calls[RESOLVE] == 0


async def test_a_second_name_of_a_channel_is_looked_up_once_for_good(rig: Rig) -> None:  # noqa: F811
    news = rig.channel("main_name")
    rig.world.add_name(news, "second_name")
    rig.config = (ChannelConfig(name="@second_name"),)
    for _ in range(2):
        async with rig.watching() as watch:
            assert watch.channels[news.id].info.name == "main_name"
    assert rig.dc.calls[RESOLVE] == 1


async def test_one_channel_under_two_names_is_watched_once_and_said(rig: Rig) -> None:  # noqa: F811
    news = rig.channel("main_name")
    rig.world.add_name(news, "second_name")
    rig.config = (ChannelConfig(name="@main_name", alias="Главный"), ChannelConfig(name="@second_name", alias="Другой"))
    with capture_logs() as logs:
        async with rig.watching(ready=False) as watch:
            await until(lambda: list(watch.channels) == [news.id] and not watch.status().unresolved)
            assert watch.channels[news.id].label == "Главный"
    assert [entry["other"] for entry in logs if entry["event"] == "a channel is configured twice"] == ["@main_name"]


async def test_a_name_that_another_channel_took_is_never_bound_anew(rig: Rig) -> None:  # noqa: F811
    news = rig.channel("news_here")
    async with rig.watching():
        pass
    rig.world.rename(news, None)
    thief = rig.world.add_channel("news_here")
    rig.world.join(rig.me, thief)
    rig.dc.post(thief, "чужое")
    rig.dc.post(news, "своё")
    async with rig.watching() as watch:
        await until(lambda: rig.texts(news) == {1: "своё"})
        assert set(watch.channels) == {news.id}
        rig.dc.ban(rig.me, news)
        with capture_logs() as logs:
            await until(lambda: bool(watch.channels[news.id].gone))
        assert set(watch.channels) == {news.id}
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
            "a channel can't be read any more"
        ]
    assert rig.texts(thief) == {}


async def test_a_lost_channel_whose_name_another_has_raises_an_alarm(rig: Rig) -> None:  # noqa: F811
    news = rig.channel("news_here")
    async with rig.watching() as watch:
        rig.world.rename(news, "other_name")
        thief = rig.world.add_channel("news_here")
        rig.dc.post(thief, "чужое")
        with capture_logs() as logs:
            rig.dc.ban(rig.me, news)
            await until(lambda: bool(watch.channels[news.id].gone))
        alarms: list[Any] = [one for one in logs if one["event"] == "a name now belongs to another channel"]
        assert [(one["was"], one["now"]) for one in alarms] == [(news.id, thief.id)]
    for _ in range(2):
        async with rig.watching(ready=False) as watch:
            assert await held(watch) == {news.id}
    assert rig.texts(thief) == {}


async def test_two_channels_that_swap_names_stay_who_they_were(rig: Rig) -> None:  # noqa: F811
    first, second = rig.channel("name_one"), rig.channel("name_two")
    async with rig.watching() as watch:
        rig.world.rename(first, None)
        rig.world.rename(second, "name_one")
        rig.world.rename(first, "name_two")
        for channel in (first, second):
            rig.dc.post(channel, "после")
        await until(lambda: watch.channels[second.id].info.name == "name_one")
        await until(lambda: watch.channels[first.id].info.name == "name_two")
    async with rig.watching() as watch:
        assert watch.channels[first.id].config.name == "@name_one"
        assert watch.channels[second.id].config.name == "@name_two"
    assert rig.dc.calls[RESOLVE] == 0


async def test_a_channel_that_was_private_for_a_while_comes_back_whole(rig: Rig) -> None:  # noqa: F811
    news, other = rig.channel("news_here"), rig.channel("other_one")
    async with rig.watching() as watch:
        rig.dc.post(news, "до")
        await until(lambda: 1 in rig.texts(news))
        rig.dc.ban(rig.me, news)
        await until(lambda: bool(watch.channels[news.id].gone))
        assert watch.status().channels[0].gone
        for number in range(120):
            rig.dc.post(news, f"втайне {number}")
        rig.dc.post(other, "а этот жив")
        await until(lambda: 1 in rig.texts(other))
        news.banned.clear()
        rig.world.join(rig.me, news)
        watch.channels[news.id].due = 0
        watch.wake()
        await until(lambda: rig.whole(news, other))
        assert rig.rows("SELECT DISTINCT state FROM channels") == [("active",)]
        assert not any(one.gone for one in watch.status().channels)
    assert len(rig.texts(news)) == 121


async def test_the_past_of_a_channel_that_comes_back_is_read_to_its_end(rig: Rig) -> None:  # noqa: F811
    news, other = rig.channel("news_here", posts=350), rig.channel("other_one", posts=5)
    rig.settings["backfill"] = BackfillConfig(age=86400.0, posts=1000)
    async with rig.watching() as watch:
        rig.dc.ban(rig.me, news)
        await until(lambda: bool(watch.channels[news.id].gone))
        await watch._reader._look_for_backfills()  # as whenever any other channel's past was read
        news.banned.clear()
        rig.world.join(rig.me, news)
        watch.channels[news.id].due = 0
        watch.wake()
        await until(lambda: watch.status().backfills == 0 and len(rig.texts(news)) == 350)
    assert len(rig.texts(other)) == 5


async def test_a_lost_channel_that_is_configured_no_more_is_removed(rig: Rig) -> None:  # noqa: F811
    news, other = rig.channel("news_here"), rig.channel("other_one")
    async with rig.watching() as watch:
        rig.dc.ban(rig.me, news)
        await until(lambda: bool(watch.channels[news.id].gone))
        await watch.replace(Config(folder=rig.folder, channels=rig.config[1:], telegram=TelegramConfig(pace=0)))
        assert set(watch.channels) == {other.id}
    assert rig.rows("SELECT state FROM channels WHERE id = ?", news.id) == [("removed",)]


async def test_a_channel_whose_holes_can_not_be_asked_for_does_not_starve_the_others(rig: Rig) -> None:  # noqa: F811
    first, second = rig.channel("first_one"), rig.channel("second_one")
    async with rig.watching() as watch:
        rig.dc.fault("channels.getMessages", "400 MSG_ID_INVALID", times=1)
        for channel in (first, second):
            rig.dc.skip_ids(channel, 3)
            rig.dc.post(channel, "после дыры", date=int(time.time()) - 7200)
            await until(lambda channel=channel: channel.id in dict(rig.rows("SELECT channel_id, 1 FROM ranges")))

        def settled() -> bool:
            watch._reader.retry_holes = 0.0  # no need to wait
            watch.wake()
            return rig.rows("SELECT state FROM ranges WHERE channel_id = ?", second.id) == [("empty",)]

        await until(settled)
        assert rig.rows("SELECT state, asks FROM ranges WHERE channel_id = ?", first.id) == [("open", 0)]


async def held(watch: Any) -> set[int]:
    await until(lambda: bool(watch.channels))
    return set(watch.channels)
