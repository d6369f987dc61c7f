"""The watch, over the real Telethon, from a simulated data centre to a real archive."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from telethon.tl import types

from channelwatch.archive import ledger, pauses
from channelwatch.archive.file import Archive
from channelwatch.clock import Clock, SystemClock
from channelwatch.config.model import BackfillConfig, ChannelConfig, Config, TelegramConfig
from channelwatch.intake.pacing import HISTORY, JOIN
from channelwatch.service.watch import Watch
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, User

from ..telegram.line_fixtures import line_to, running
from ..telegram_fixtures import dc, world  # noqa: F401


class Rig:
    """A world with an account, an archive, and a watch that can be started again and again."""

    def __init__(self, dc: DataCentre, folder: Path) -> None:  # noqa: F811
        self.dc = dc
        self.world = dc.world
        self.me: User = self.world.add_user(phone="+70000000001")
        self.archive = Archive(folder / "channelwatch.db")
        self.folder = folder
        self.woken = 0
        self.config: tuple[ChannelConfig, ...] = ()
        self.settings: dict[str, Any] = {}
        self.probe_every = 30.0

    def channel(self, name: str, *, joined: bool = True, posts: int = 0, **config: Any) -> SimChannel:
        channel = self.world.add_channel(name)
        if joined:
            self.world.join(self.me, channel)
        now = int(time.time())
        self.dc.load(
            channel, [{"text": f"old {number}", "date": now - 3600 + number} for number in range(1, posts + 1)]
        )
        self.config += (ChannelConfig(name=f"@{name}", **config),)
        return channel

    @asynccontextmanager
    async def watching(
        self, *, ready: bool = True, clock: Clock | None = None, progress: Callable[[str], object] | None = None
    ) -> AsyncIterator[Watch]:
        settings = {"telegram": TelegramConfig(pace=0), **self.settings}
        config = Config(folder=self.folder, channels=self.config, **settings)
        writer = self.archive.open_writer()
        line = line_to(self.dc, self.me, deadline=2.0, probe_every=self.probe_every, clock=clock)
        watch = Watch(line, writer, config, clock, wake_filter=self.wake, progress=progress)
        try:
            async with running(line):
                task = asyncio.create_task(watch.run())
                try:
                    if ready:
                        await until(
                            lambda: (
                                len(known := watch.channels) == len(self.config)
                                and all(one.start is not None for one in known.values())
                            )
                        )
                    yield watch
                    await watch.stop()
                finally:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
        finally:
            writer.close()

    def wake(self) -> None:
        self.woken += 1

    def rows(self, query: str, *values: Any) -> list[Any]:
        with closing(self.archive.reader()) as reader:
            return reader.execute(query, values).fetchall()

    def texts(self, channel: SimChannel) -> dict[int, str]:
        found = self.rows("SELECT message_id, text FROM posts WHERE channel_id = ? ORDER BY message_id", channel.id)
        return dict(found)

    def came(self, channel: SimChannel) -> dict[int, str]:
        return dict(self.rows("SELECT message_id, came FROM posts WHERE channel_id = ?", channel.id))

    def held(self) -> bool:
        with closing(self.archive.reader()) as reader:
            return all(row.holds for row in ledger.balance(reader))

    def whole(self, *channels: SimChannel) -> bool:
        """Tell whether every visible post is stored and every id accounted for."""
        for channel in channels:
            living = {number for number, post in channel.posts.items() if not post.deleted}
            if living - self.texts(channel).keys():
                return False
        balance = self.rows("SELECT mark, top FROM channels WHERE start IS NOT NULL")
        return self.held() and all(mark >= top for mark, top in balance)


@pytest.fixture
def rig(dc: DataCentre, tmp_path: Path) -> Rig:  # noqa: F811
    return Rig(dc, tmp_path / "data")


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def test_the_first_watch_records_its_start_and_fills_in_the_past_quietly(rig: Rig) -> None:
    news = rig.channel("news_here", posts=130)
    rig.settings["backfill"] = BackfillConfig(age=86400.0, posts=120)
    async with rig.watching() as watch:
        await until(lambda: watch.status().backfills == 0)
    assert list(rig.texts(news)) == list(range(11, 131))
    assert set(rig.came(news).values()) == {"backfill"}
    assert rig.rows("SELECT start, mark FROM channels") == [(130, 130)]


async def test_a_backfill_stops_at_its_age_and_goes_on_after_a_restart(rig: Rig) -> None:
    news = rig.channel("news_here", posts=150)
    rig.settings["backfill"] = BackfillConfig(age=3600.0 - 30.0, posts=1000)
    rig.dc.fault("messages.getHistory", "400 MSG_ID_INVALID", times=None, probability=0.5)
    async with rig.watching():
        pass
    rig.dc.faults.clear()
    async with rig.watching() as watch:
        await until(lambda: watch.status().backfills == 0)
    assert min(rig.texts(news)) in range(30, 45)
    assert len(rig.texts(news)) == 150 - min(rig.texts(news)) + 1


async def test_a_channel_without_backfill_stays_empty(rig: Rig) -> None:
    news = rig.channel("news_here", posts=20, backfill=0.0)
    async with rig.watching():
        assert rig.texts(news) == {}


async def test_a_pushed_post_is_stored_at_once_and_only_a_sweep_moves_the_mark(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching() as watch:
        rig.dc.fault("messages.getHistory", "500 INTERNAL", times=None)
        rig.dc.post(news, "Козинка: тревога")
        await until(lambda: rig.texts(news) == {1: "Козинка: тревога"})
        assert rig.came(news) == {1: "push"}
        assert rig.woken > 0
        assert rig.rows("SELECT mark FROM channels") == [(0,)]
        rig.dc.faults.clear()
        watch.channels[news.id].due = 0
        watch.wake()
        await until(lambda: rig.rows("SELECT mark FROM channels") == [(1,)])
        assert watch.status().channels[0].measured_lag is not None


async def test_a_channel_that_is_not_joined_is_polled(rig: Rig) -> None:
    news = rig.channel("news_here", joined=False, posts=3)
    async with rig.watching() as watch:
        rig.dc.post(news, "без подписки")
        await until(lambda: 4 in rig.texts(news))
        assert rig.came(news)[4] == "sweep"
        assert not watch.status().channels[0].joined


async def test_edits_and_deletions_of_a_polled_channel_are_found_by_reading_again(rig: Rig) -> None:
    news = rig.channel("news_here", joined=False, posts=3, backfill=0.0)
    async with rig.watching():
        for number in range(4, 9):
            rig.dc.post(news, f"пост {number}", date=time.time() - 60)
        await until(lambda: 8 in rig.texts(news))
        rig.dc.edit(news, 5, "иначе")
        rig.dc.delete(news, 6)
        rig.dc.delete(news, 8)  # the newest: no page shows anything above it
        await until(lambda: rig.texts(news)[5] == "иначе")
        await until(lambda: rig.rows("SELECT message_id FROM posts WHERE missing_since IS NOT NULL") == [(6,), (8,)])
    assert rig.rows("SELECT count(*) FROM revisions") == [(6,)]


async def test_edits_deletions_and_reactions_are_taken_from_pushes(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching():
        first = rig.dc.post(news, "раз")
        second = rig.dc.post(news, "два")
        await until(lambda: len(rig.texts(news)) == 2)
        rig.dc.react(news, first, "👍", 3)
        rig.dc.edit(news, second, "два!")
        await until(lambda: rig.texts(news)[second] == "два!")
        rig.dc.delete(news, first)
        await until(lambda: rig.rows("SELECT message_id FROM posts WHERE missing_since IS NOT NULL") == [(first,)])
    assert rig.rows("SELECT reactions FROM posts WHERE message_id = ?", first) == [('{"👍":3}',)]
    assert rig.rows("SELECT max(number) FROM revisions") == [(2,)]


async def test_lost_late_doubled_and_reordered_pushes_and_late_ids_lose_nothing(rig: Rig) -> None:
    channels = [rig.channel(f"news_{number}", joined=number < 3) for number in range(4)]
    chaos = rig.dc.chaos
    chaos.lose, chaos.late, chaos.twice, chaos.reorder, chaos.hidden = 0.3, 0.1, 0.1, 0.1, 0.1
    async with rig.watching():
        for number in range(120):
            rig.dc.post(channels[number % 4], f"пост {number}")
            if number % 10 == 0:
                rig.dc.skip_ids(channels[number % 4], 2)
            await asyncio.sleep(0.005)
        await until(lambda: rig.whole(*channels))
    doubled = rig.rows("SELECT count(*) - count(DISTINCT channel_id || ' ' || message_id) FROM posts")
    assert doubled == [(0,)]


async def test_what_was_posted_during_a_cut_is_read_on_the_next_line(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching():
        rig.dc.post(news, "до обрыва")
        await until(lambda: 1 in rig.texts(news))
        rig.dc.cut()
        for number in range(250):
            rig.dc.post(news, f"во время обрыва {number}", lose=True)
        await until(lambda: rig.whole(news))
    assert len(rig.texts(news)) == 251


async def test_what_was_posted_while_nobody_watched_is_read_at_the_start(rig: Rig) -> None:
    news = rig.channel("news_here", posts=5)
    async with rig.watching():
        pass
    for number in range(130):
        rig.dc.post(news, f"пост {number}")
    rig.dc.delete(news, 50)
    async with rig.watching():
        await until(lambda: rig.whole(news))
    assert rig.rows("SELECT start, mark FROM channels") == [(5, 135)]
    assert {came for number, came in rig.came(news).items() if number > 5} == {"sweep"}
    assert rig.rows("SELECT first, last FROM ranges") == [(50, 50)]


async def test_albums_and_services_and_odd_messages_are_stored_as_they_are(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching():
        parts = rig.dc.album(news, ["подпись", "", ""])
        rig.dc.retitle(news, "Новое имя")
        rig.dc.post(news, "", media="poll")
        await until(lambda: rig.whole(news) and len(rig.texts(news)) == 5)
        await until(lambda: rig.rows("SELECT title FROM channels") == [("Новое имя",)])
    assert len(rig.rows("SELECT DISTINCT album FROM posts WHERE message_id <= ?", parts[-1])) == 1
    assert rig.rows("SELECT kind FROM posts WHERE message_id = 4") == [("service",)]
    assert rig.rows("SELECT count(*) FROM channel_names") == [(2,)]


async def test_a_message_that_can_not_be_read_is_quarantined_and_the_rest_is_kept(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching():
        for number in range(1, 11):
            rig.dc.post(news, f"{number}", media="unknown" if number == 4 else None)
        await until(lambda: rig.rows("SELECT mark FROM channels") == [(10,)])
    assert len(rig.texts(news)) == 9
    assert rig.rows("SELECT first, last, state FROM ranges") == [(4, 4, "quarantined")]
    assert rig.held()


async def test_pages_cut_short_by_the_server_hide_nothing_new(rig: Rig) -> None:
    news = rig.channel("news_here", joined=False, backfill=0.0)
    async with rig.watching():
        for number in range(1, 61):
            rig.dc.post(news, f"{number}")
        await until(lambda: len(rig.texts(news)) == 60)
        rig.dc.page_limit = 20
        rig.dc.post(news, "новое")
        await until(lambda: rig.whole(news) and 61 in rig.texts(news))
    assert rig.rows("SELECT count(*) FROM posts WHERE missing_since IS NOT NULL") == [(0,)]


async def test_a_flood_wait_is_stored_and_kept_by_the_next_start(rig: Rig) -> None:
    rig.channel("news_here")
    async with rig.watching() as watch:
        rig.dc.fault("messages.getHistory", "420 FLOOD_WAIT_3600")
        watch.channels[next(iter(watch.channels))].due = 0
        watch.wake()
        await until(lambda: bool(rig.rows("SELECT method FROM pauses")))
    assert rig.rows("SELECT method, reason FROM pauses") == [(HISTORY, "flood wait")]
    calls = rig.dc.calls[HISTORY]
    async with rig.watching():
        await asyncio.sleep(0.2)
    assert rig.dc.calls[HISTORY] == calls


async def test_a_name_that_nobody_has_is_said_and_the_others_are_watched(rig: Rig) -> None:
    rig.channel("news_here")
    rig.config = (ChannelConfig(name="@nobody_here"), *rig.config)
    async with rig.watching(ready=False) as watch:
        await until(lambda: len(watch.channels) == 1 and bool(watch.status().unresolved.get("@nobody_here")))
        assert list(watch.status().unresolved) == ["@nobody_here"]


async def test_a_flood_while_resolving_lets_known_channels_be_watched(rig: Rig) -> None:
    first = rig.channel("first_one")
    async with rig.watching():
        pass
    rig.channel("second_one", joined=False)
    rig.dc.fault("contacts.resolveUsername", "420 FLOOD_WAIT_3600", times=None)
    async with rig.watching(ready=False) as watch:
        rig.dc.post(first, "жив")
        await until(lambda: 1 in rig.texts(first))
        await until(lambda: bool(rig.rows("SELECT 1 FROM pauses")))
        assert watch.status().resolve_seconds > 3000


async def test_a_channel_to_join_is_joined_and_then_pushed(rig: Rig) -> None:
    news = rig.channel("news_here", joined=False, join=True)
    async with rig.watching() as watch:
        await until(lambda: watch.channels[news.id].info.joined)
        rig.dc.post(news, "сразу")
        await until(lambda: rig.came(news).get(1) == "push")
    assert rig.rows("SELECT joined FROM channels") == [(1,)]


async def test_joins_rest_five_minutes_even_over_a_restart(rig: Rig) -> None:
    rig.channel("first_one", joined=False, join=True)
    rig.channel("second_one", joined=False, join=True)
    rig.settings["telegram"] = TelegramConfig(pace=100.0)
    for _ in range(2):
        async with rig.watching():
            await until(lambda: rig.dc.calls["channels.joinChannel"] == 1)
            await asyncio.sleep(0.1)
    assert rig.dc.calls["channels.joinChannel"] == 1
    with closing(rig.archive.reader()) as reader:
        left = pauses.pauses(reader, SystemClock().now())[JOIN] - SystemClock().now()
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)


async def test_a_channel_that_becomes_private_is_marked_gone_and_stays_in_sight(rig: Rig) -> None:
    news, other = rig.channel("news_here"), rig.channel("other_one")
    async with rig.watching() as watch:
        rig.dc.ban(rig.me, news)
        await until(lambda: bool(watch.channels[news.id].gone))
        assert rig.rows("SELECT state FROM channels WHERE id = ?", news.id) == [("gone",)]
        rig.dc.post(other, "а этот жив")
        await until(lambda: 1 in rig.texts(other))
        assert [one.gone != "" for one in watch.status().channels if one.id == news.id] == [True]


async def test_a_stale_access_hash_is_looked_up_again(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching():
        pass
    with closing(sqlite3.connect(rig.archive.path)) as connection, connection:
        connection.execute("UPDATE channels SET access_hash = 5")
    rig.dc.post(news, "после")
    async with rig.watching():
        await until(lambda: 1 in rig.texts(news))


async def test_a_removed_channel_is_swept_no_more_and_a_new_one_at_once(rig: Rig) -> None:
    old, new = rig.channel("old_one"), rig.channel("new_one")
    both = rig.config
    rig.config = both[:1]
    async with rig.watching() as watch:
        await watch.replace(Config(folder=rig.folder, channels=both[1:], telegram=TelegramConfig(pace=0)))
        await until(lambda: new.id in watch.channels and watch.channels[new.id].start is not None)
        rig.dc.post(old, "уже не нужен")
        rig.dc.post(new, "нужен")
        await until(lambda: 1 in rig.texts(new))
        assert rig.texts(old) == {}
    assert rig.rows("SELECT state FROM channels WHERE id = ?", old.id) == [("removed",)]


async def test_a_lost_login_stops_the_calls_and_not_the_watch(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching() as watch:
        rig.dc.log_out(rig.me)
        watch.channels[news.id].due = 0
        watch.wake()
        await until(lambda: watch.status().line == "login needed")


async def test_an_archive_that_can_not_be_written_loses_no_push(rig: Rig) -> None:
    news = rig.channel("news_here")
    async with rig.watching():
        with closing(sqlite3.connect(rig.archive.path)) as blocker:
            blocker.execute("BEGIN IMMEDIATE")
            rig.dc.post(news, "пока заперто")
            await asyncio.sleep(0.2)
            blocker.execute("ROLLBACK")
        await until(lambda: 1 in rig.texts(news))


async def test_only_the_calls_of_a_careful_reader_are_ever_made(rig: Rig) -> None:
    news = rig.channel("news_here", posts=5)
    async with rig.watching():
        rig.dc.post(news, "x", media=types.MessageMediaDice(3, "🎲"))
        rig.dc.skip_ids(news, 1)
        rig.dc.post(news, "y")
        await until(lambda: rig.whole(news))
    assert set(rig.dc.calls) <= {
        "help.getConfig",
        "users.getUsers",
        "updates.getState",
        "updates.getDifference",
        "messages.getDialogs",
        "messages.getHistory",
        "channels.getMessages",
    }
    assert rig.dc.unknown_calls == {}
