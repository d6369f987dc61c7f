"""The filter pass over a real archive file, with real queries."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from channelwatch.archive import alerts, posts
from channelwatch.archive.alerts import AlertShown
from channelwatch.archive.channels import upsert
from channelwatch.archive.file import Archive
from channelwatch.archive.writer import Writer
from channelwatch.clock import FakeClock
from channelwatch.config.model import ChannelConfig, Config, OutletConfig, RuleConfig, TimeConfig
from channelwatch.errors import ArchiveBusy
from channelwatch.places import Gazetteer
from channelwatch.post import Came, ChannelInfo, Forward, Post
from channelwatch.service import rulebook
from channelwatch.service.book import STRIKES, WatchedRule
from channelwatch.service.filter import SLICE, FilterPass

NOON = datetime(2023, 5, 22, 12, 0, tzinfo=UTC)
OUTLETS = (
    OutletConfig(name="console", kind="console"),
    OutletConfig(name="desk", kind="telegram", chat=-100),
)


class Bench:
    """An archive with two channels, and a filter pass over it."""

    def __init__(self, archive: Archive, writer: Writer) -> None:
        self.archive, self.writer = archive, writer
        self.clock = FakeClock(NOON)
        self.wakes = 0
        self.filter: FilterPass | None = None

    async def channels(self) -> None:
        for number, name, alias in ((5, "legion", None), (6, "baza_news", "Baza")):
            info = ChannelInfo(number, 1, name, name.title(), False)
            await self.writer.run(upsert, info, ChannelConfig(name=name, alias=alias), self.clock.now())

    async def rules(self, *rules: RuleConfig) -> None:
        config = Config(folder=Path(), rules=rules, outlets=OUTLETS, time=TimeConfig(zone="Europe/Moscow"))
        gazetteer = Gazetteer.load()
        watched = await self.writer.run(rulebook.watched, rules, gazetteer, self.clock.now())
        await self.watch(watched, config, gazetteer)
        self.clock.advance(60)

    async def watch(self, watched: Sequence[WatchedRule], config: Config, gazetteer: Gazetteer) -> None:
        if self.filter is not None:
            self.filter.load(watched, config)
            return
        self.filter = FilterPass(
            self.archive,
            self.writer,
            watched,
            config,
            self.clock,
            region_name=lambda code: gazetteer.region(code).name,
            on_deliveries=self._wake,
        )

    def _wake(self) -> None:
        self.wakes += 1

    async def post(self, number: int, text: str, came: Came = "push", channel: int = 5, **fields: Any) -> None:
        date = fields.pop("date", self.clock.now())
        post = Post(channel, number, date, text, **fields)
        await self.writer.run(posts.store, [post], came, self.clock.now())

    async def alerts(self) -> list[AlertShown]:
        """Look at what waits (albums included) and return the alerts, oldest first."""
        assert self.filter is not None
        self.clock.advance(2)
        await self.filter.run_once()
        assert await self.writer.run(count, "work") == 0
        return list(reversed(await self.writer.run(alerts.listed)))


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def bodies(connection: sqlite3.Connection) -> list[str]:
    return [body for (body,) in connection.execute("SELECT body FROM deliveries ORDER BY id")]


def rule(name: str, query: str, **fields: Any) -> RuleConfig:
    return RuleConfig(name=name, query=query, **fields)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Archive(tmp_path / "channelwatch.db").open_writer() as writer:
        yield writer


@pytest.fixture
async def bench(tmp_path: Path, writer: Writer) -> AsyncIterator[Bench]:
    bench = Bench(Archive(tmp_path / "channelwatch.db"), writer)
    await bench.channels()
    yield bench
    if bench.filter is not None:
        await bench.filter.stop()


async def test_a_post_that_meets_a_rule_becomes_match_mention_alert_and_delivery(bench: Bench) -> None:
    await bench.rules(rule("border", 'region:"Belgorod Oblast" обстрел', severity="critical"))
    await bench.post(1, "Обстрел села Козинка Грайворонского района.")
    await bench.post(2, "Погода на завтра.")
    (alert,) = await bench.alerts()
    assert (alert.rules, alert.channel, alert.message_id, alert.url) == (
        ("border",),
        "legion",
        1,
        "https://t.me/legion/1",
    )
    assert "Козинка" in alert.places
    assert (alert.regions, alert.severity, alert.state, alert.reason) == (("RU-BEL",), "critical", "ringing", "new")
    assert [(d.outlet, d.state) for d in alert.deliveries] == [("console", "due")]
    fields = msgspec.json.decode((await bench.writer.run(bodies))[0])
    assert fields["words"][:2] == ["Обстрел", "Козинка"]
    assert bench.wakes == 1


async def test_two_rules_ring_once_in_each_outlet_and_both_are_named(bench: Bench) -> None:
    await bench.rules(
        rule("shelling", "обстрел", outlets=("desk",), severity="critical"),
        rule("village", "село", outlets=("console", "desk"), severity="info"),
    )
    await bench.post(1, "Обстрел села.")
    (alert,) = await bench.alerts()
    assert (alert.rule, alert.severity) == ("shelling, village", "critical")
    assert [d.outlet for d in alert.deliveries] == ["console", "desk"]
    html = (await bench.writer.run(bodies))[0]
    assert "<b>Обстрел</b> <b>села</b>." in html
    assert "22 May 2023 15:01 MSK (12:01 UTC)" in html


async def test_what_was_not_live_is_matched_and_stays_quiet(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "обстрел", "backfill")
    await bench.post(2, "обстрел", "import")
    await bench.post(3, "обстрел", "sweep", date=NOON - timedelta(days=2))
    await bench.post(4, "обстрел", "sweep", date=NOON - timedelta(hours=1))
    found = sorted(await bench.alerts(), key=lambda alert: alert.message_id)
    assert [(a.state, a.reason, a.deliveries) for a in found] == [
        ("quiet", "backfilled: never rings", ()),
        ("quiet", "imported: never rings", ()),
        ("quiet", "older than the rule", ()),
        ("quiet", "older than the rule", ()),
    ]
    assert (await bench.writer.run(count, "matches"), bench.wakes) == (4, 0)


async def test_what_was_imported_before_telegram_told_it_rings_when_it_does(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    written = bench.clock.now()
    await bench.post(1, "обстрел", "import", date=written)
    (quiet,) = await bench.alerts()
    assert quiet.state == "quiet"
    await bench.post(1, "обстрел", "sweep", date=written)
    (rung,) = await bench.alerts()
    assert (rung.state, len(rung.deliveries)) == ("ringing", 1)
    await bench.post(2, "обстрел", "import", date=written)
    await bench.post(2, "обстрел", "push", date=written)
    await bench.post(2, "обстрел", "import", date=written)
    assert [alert.state for alert in await bench.alerts()] == ["ringing", "ringing"]
    await bench.post(2, "тихо", "import", date=written)
    (text,) = await bench.writer.run(lambda c: c.execute("SELECT text FROM posts WHERE message_id = 2").fetchone())
    assert text == "обстрел"
    assert await bench.writer.run(posts.verify_chain) is None


async def test_what_the_last_day_would_have_rung_is_counted_by_rule(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"), rule("fire", "пожар"))
    await bench.post(1, "обстрел", "backfill")
    await bench.post(2, "обстрел и пожар", "backfill", date=NOON - timedelta(hours=23))
    await bench.post(3, "обстрел", "backfill", date=NOON - timedelta(hours=25))
    await bench.post(4, "обстрел")
    await bench.alerts()
    counted = await bench.writer.run(alerts.quiet_by_rule, NOON - timedelta(hours=24))
    assert counted == {"shelling": 2, "fire": 1}


async def test_a_late_post_rings_late_and_a_very_late_one_stays_quiet(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    bench.clock.advance(7 * 3600)
    await bench.post(1, "обстрел", "sweep", date=bench.clock.now() - timedelta(hours=2))
    await bench.post(2, "обстрел", "sweep", date=bench.clock.now() - timedelta(hours=6, seconds=1))
    found = await bench.alerts()
    assert [(a.state, a.reason) for a in found] == [
        ("ringing", "late: it reached us 2 h after it was posted"),
        ("quiet", "older than 6 h when it reached us"),
    ]


async def test_a_rule_changed_in_who_is_told_is_no_younger(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    bench.clock.advance(3600)
    await bench.rules(rule("shelling", "обстрел", outlets=("desk",)))
    await bench.post(1, "обстрел", "sweep", date=bench.clock.now() - timedelta(minutes=10))
    (alert,) = await bench.alerts()
    assert (alert.state, [d.outlet for d in alert.deliveries]) == ("ringing", ["desk"])


async def test_an_edit_into_a_match_rings_and_says_so(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "Тихо.", "backfill", date=NOON - timedelta(days=1))
    assert await bench.alerts() == []
    await bench.post(1, "Начался обстрел.", date=NOON - timedelta(days=1), edited=bench.clock.now())
    (alert,) = await bench.alerts()
    assert (alert.state, alert.reason, len(alert.deliveries)) == ("ringing", "edited into a match", 1)


async def test_an_edit_of_a_post_already_told_keeps_the_match_and_rings_no_more(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "Обстрел.")
    await bench.alerts()
    await bench.post(1, "Обстрел, уточняем.", edited=bench.clock.now())
    (alert,) = await bench.alerts()
    assert (alert.reason, len(alert.deliveries), await bench.writer.run(count, "matches")) == ("new", 1, 2)


async def test_an_edit_that_meets_one_more_rule_is_told_where_it_was_not(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"), rule("fire", "пожар", outlets=("desk",), severity="critical"))
    await bench.post(1, "Обстрел.")
    await bench.alerts()
    await bench.post(1, "Обстрел и пожар.", edited=bench.clock.now())
    (alert,) = await bench.alerts()
    assert [d.outlet for d in alert.deliveries] == ["console", "desk"]
    assert (alert.severity, alert.rules) == ("critical", ("shelling", "fire"))


async def test_a_typing_error_corrected_in_a_backfilled_post_is_no_news(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "Обстрел сила.", "backfill", date=NOON - timedelta(days=1))
    await bench.alerts()
    await bench.post(1, "Обстрел села.", date=NOON - timedelta(days=1), edited=bench.clock.now())
    (alert,) = await bench.alerts()
    assert (alert.state, alert.deliveries) == ("quiet", ())


async def test_the_parts_of_an_album_are_one_alert(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел OR пожар"))
    await bench.post(1, "Обстрел.", album=99, media="photo")
    await bench.post(2, "", album=99, media="photo")
    await bench.post(3, "Пожар.", album=99, media="photo")
    (alert,) = await bench.alerts()
    assert (alert.message_id, len(alert.deliveries)) == (1, 1)
    assert "album of 3" in (await bench.writer.run(bodies))[0]


async def test_an_album_waits_for_its_parts(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "Обстрел.", album=99)
    assert bench.filter is not None
    assert await bench.filter.run_once() == 0
    assert len(await bench.alerts()) == 1


async def test_a_rule_limited_to_channels_meets_only_those(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел", channels=("Baza",)))
    await bench.post(1, "обстрел", channel=5)
    await bench.post(1, "обстрел", channel=6)
    (alert,) = await bench.alerts()
    assert alert.channel == "Baza"


async def test_a_forward_names_its_origin(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "обстрел", forward=Forward(channel_id=6, message_id=44))
    await bench.post(2, "обстрел", forward=Forward(channel_id=777, name="Кто-то"))
    await bench.alerts()
    first, second = await bench.writer.run(bodies)
    assert "forwarded from Baza (t.me/baza_news/44)" in first
    assert "forwarded from Кто-то" in second


async def test_looking_twice_doubles_nothing(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "обстрел")
    await bench.alerts()
    await bench.writer.run(  # as if the process had died before the work row was deleted
        lambda c: c.execute(
            "INSERT INTO work (post_id, revision, came, queued_at) SELECT id, 1, 'push', stored_at FROM posts"
        )
    )
    (alert,) = await bench.alerts()
    assert (len(alert.deliveries), await bench.writer.run(count, "matches")) == (1, 1)


class Crashing:
    """A query that crashes on some texts."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def evaluate(self, subject: Any) -> Any:
        if "яд" in subject.text:
            raise RuntimeError("poison")
        return self._real.evaluate(subject)


async def test_a_rule_that_crashes_is_counted_and_disabled_and_the_others_go_on(bench: Bench) -> None:
    gazetteer = Gazetteer.load()
    configs = (rule("bad", "обстрел OR яд"), rule("good", "обстрел"))
    bad, good = await bench.writer.run(rulebook.watched, configs, gazetteer, bench.clock.now())
    crashing = WatchedRule(bad.rule, Crashing(bad.query), None)  # type: ignore[arg-type]
    await bench.watch([crashing, good], Config(folder=Path(), rules=configs, outlets=OUTLETS), gazetteer)
    bench.clock.advance(60)
    for number in range(1, STRIKES + 3):
        await bench.post(number, "обстрел яд")
    found = await bench.alerts()
    assert [a.rules for a in found] == [("good",)] * (STRIKES + 2)
    assert bench.filter is not None
    assert bench.filter.strikes[bad.rule.id] == STRIKES


async def test_a_post_on_which_every_rule_crashes_costs_no_rule_and_is_tried_again(bench: Bench) -> None:
    gazetteer = Gazetteer.load()
    configs = (rule("one", "обстрел"), rule("two", "обстрел OR яд"))
    watched = await bench.writer.run(rulebook.watched, configs, gazetteer, bench.clock.now())
    crashing = [WatchedRule(each.rule, Crashing(each.query), None) for each in watched]  # type: ignore[arg-type]
    await bench.watch(crashing, Config(folder=Path(), rules=configs, outlets=OUTLETS), gazetteer)
    bench.clock.advance(60)
    for number in range(1, STRIKES + 3):
        await bench.post(number, "обстрел яд")
    assert bench.filter is not None
    assert await bench.filter.run_once() == STRIKES + 2
    assert not bench.filter.strikes
    assert await bench.writer.run(count, "work") == STRIKES + 2
    await bench.post(100, "обстрел")
    await bench.filter.run_once()
    assert await bench.writer.run(count, "alerts") == 1


async def test_the_scheduler_does_one_slice_however_much_waits(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    batch = [Post(5, number, bench.clock.now(), "тихо") for number in range(1, 3 * SLICE)]
    await bench.writer.run(posts.store, batch, "import", bench.clock.now())
    assert bench.filter is not None
    assert 0 < await bench.filter.run_slice() <= SLICE
    assert await bench.writer.run(count, "work") >= SLICE


async def test_a_failure_nobody_foresaw_does_not_end_the_pass(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "обстрел")
    assert bench.filter is not None
    await bench.writer.run(lambda c: c.execute("UPDATE work SET came = 'by pigeon'"))
    running = asyncio.create_task(bench.filter.run())
    while await bench.writer.run(count, "alerts") == 0:
        await asyncio.sleep(0.05)
        assert not running.done()
        await bench.writer.run(lambda c: c.execute("UPDATE work SET came = 'push'"))
        bench.filter.wake()
    await bench.filter.stop()
    await running
    bench.filter = None


async def test_it_runs_woken_and_stops_when_told(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    assert bench.filter is not None
    running = asyncio.create_task(bench.filter.run())
    for number in range(1, 6):
        await bench.post(number, "обстрел")
        bench.filter.wake()
        while await bench.writer.run(count, "alerts") < number:  # noqa: ASYNC110 -- rows have no event
            await asyncio.sleep(0.005)
    await bench.filter.stop()
    await running
    bench.filter = None


async def test_a_long_list_of_work_is_done_slice_by_slice(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    batch = [Post(5, number, bench.clock.now(), "обстрел" if number % 10 == 0 else "тихо") for number in range(1, 501)]
    await bench.writer.run(posts.store, batch, "sweep", bench.clock.now())
    assert len(await bench.alerts()) == 50


async def test_a_busy_archive_leaves_the_work_for_later(bench: Bench) -> None:
    await bench.rules(rule("shelling", "обстрел"))
    await bench.post(1, "обстрел")
    assert bench.filter is not None
    run, bench.writer.run = bench.writer.run, refuse  # type: ignore[method-assign,assignment]
    with pytest.raises(ArchiveBusy):
        await bench.filter.run_once()
    bench.writer.run = run  # type: ignore[method-assign]
    assert len(await bench.alerts()) == 1


async def refuse(*_: Any, **__: Any) -> None:
    raise ArchiveBusy("disk full")
