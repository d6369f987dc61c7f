"""Channels: who they are, who they were, and how people's words find them."""

from datetime import timedelta

import msgspec
import pytest

from channelwatch.archive import backfills, channels, ledger, pauses, posts
from channelwatch.archive.writer import Writer
from channelwatch.clock import iso
from channelwatch.config.model import ChannelConfig
from channelwatch.post import ChannelInfo

from .conftest import BAZA, LEGION, NOW, a_post

LATER = NOW + timedelta(days=1)


def test_a_channel_takes_what_the_config_says_of_it(writer: Writer) -> None:
    config = ChannelConfig(
        name="@legion", alias="Легион", home=("RU-BEL",), tags=("rus", "side"), group="volunteers", join=True
    )
    channel = writer.run_sync(channels.upsert, LEGION, config, LATER)
    assert (channel.alias, channel.home, channel.tags, channel.group) == (
        "Легион",
        ("RU-BEL",),
        ("rus", "side"),
        "volunteers",
    )
    assert (channel.state, channel.joined, channel.start, channel.label) == ("active", True, 100, "Легион")
    assert channel.info == LEGION


def test_news_of_a_channel_leave_its_config_and_state(writer: Writer) -> None:
    writer.run_sync(channels.upsert, LEGION, ChannelConfig(name="legion", alias="L"), NOW)
    writer.run_sync(channels.set_state, LEGION.id, "removed")
    channel = writer.run_sync(channels.upsert, msgspec.structs.replace(LEGION, title="New title"), None, LATER)
    assert (channel.alias, channel.state, channel.title) == ("L", "removed", "New title")


def test_names_have_dates(writer: Writer) -> None:
    writer.run_sync(channels.upsert, msgspec.structs.replace(LEGION, name="freedom"), None, LATER)
    rows = writer.run_sync(
        lambda c: c.execute(
            "SELECT name, since, until FROM channel_names WHERE channel_id = ? ORDER BY since", (LEGION.id,)
        ).fetchall()
    )
    assert rows == [("legion", iso(NOW), iso(LATER)), ("freedom", iso(LATER), None)]
    assert writer.run_sync(channels.past_names) == {LEGION.id: ("legion",)}


def test_a_name_that_changed_hands_leads_to_its_holder(writer: Writer) -> None:
    writer.run_sync(channels.upsert, msgspec.structs.replace(BAZA, name="Legion"), None, LATER)
    found = writer.run_sync(channels.find, "legion")
    assert found is not None
    assert found.id == BAZA.id
    loser = writer.run_sync(channels.get, LEGION.id)
    assert loser is not None
    assert loser.name is None
    assert writer.run_sync(channels.past_names) == {LEGION.id: ("legion",), BAZA.id: ("baza",)}


@pytest.mark.parametrize(
    "written",
    [
        "@legion",
        "LEGION",
        "t.me/legion",
        "https://t.me/s/legion",
        "https://t.me/legion/123",
        "-1001001",
        "https://t.me/c/1001/5",
        "1001",
        "Легион",
        "легион",
        "old_name",
    ],
)
def test_a_channel_is_found_however_people_write_it(writer: Writer, written: str) -> None:
    writer.run_sync(channels.upsert, msgspec.structs.replace(LEGION, name="old_name"), None, NOW)
    writer.run_sync(channels.upsert, LEGION, ChannelConfig(name="legion", alias="Легион"), LATER)
    found = writer.run_sync(channels.find, written)
    assert found is not None
    assert found.id == LEGION.id


def test_a_stranger_is_not_found(writer: Writer) -> None:
    for written in ("nobody", "-1009999", "", "x y", "t.me/+invite", "9" * 30, "-5"):
        assert writer.run_sync(channels.find, written) is None


def test_an_imported_channel_has_a_stable_id_below_zero(writer: Writer) -> None:
    first = writer.run_sync(channels.for_import, "https://t.me/Warmonitor", NOW)
    assert first == channels.imported_id("warmonitor") < 0
    assert writer.run_sync(channels.for_import, "@warmonitor", NOW) == first
    assert writer.run_sync(channels.for_import, "4 words of label", NOW) not in (first, 0)
    assert writer.run_sync(channels.for_import, "@legion", NOW) == LEGION.id
    assert writer.run_sync(channels.for_import, "-1007777", NOW) == 7777


def test_what_was_imported_under_a_name_becomes_the_channels_when_it_is_known(writer: Writer) -> None:
    old = writer.run_sync(channels.for_import, "warmonitor", NOW)
    batch = [a_post(i, channel_id=old, raw=b"") for i in (5, 6, 11)]
    writer.run_sync(posts.store, batch, "import", NOW)
    info = ChannelInfo(id=3003, access_hash=1, name="WarMonitor", title="War Monitor", joined=False)
    writer.run_sync(channels.upsert, info, ChannelConfig(name="warmonitor"), LATER)
    writer.run_sync(ledger.begin, 3003, 4, LATER)
    assert writer.run_sync(
        lambda c: c.execute("SELECT DISTINCT channel_id FROM posts ORDER BY message_id").fetchall()
    ) == [(3003,)]
    assert writer.run_sync(channels.get, old) is None
    assert writer.run_sync(posts.verify_chain) is None
    writer.run_sync(posts.store, [a_post(6, channel_id=3003), a_post(7, channel_id=3003)], "sweep", LATER)
    assert writer.run_sync(ledger.advance, 3003, 11, LATER) == [(8, 10)]
    assert all(account.holds for account in writer.run_sync(ledger.balance))
    assert writer.run_sync(posts.verify_chain) is None


def test_posts_imported_before_a_rename_was_known_do_not_hide_the_channels_own(writer: Writer) -> None:
    old = writer.run_sync(channels.for_import, "freedom", NOW)
    writer.run_sync(posts.store, [a_post(101, "copy", channel_id=old), a_post(102, channel_id=old)], "import", NOW)
    writer.run_sync(posts.store, [a_post(101, "own"), a_post(103)], "sweep", NOW)
    writer.run_sync(ledger.advance, LEGION.id, 103, NOW)
    writer.run_sync(channels.upsert, msgspec.structs.replace(LEGION, name="freedom"), None, LATER)
    assert writer.run_sync(
        lambda c: c.execute(
            "SELECT message_id, text FROM posts WHERE channel_id = ? ORDER BY message_id", (LEGION.id,)
        ).fetchall()
    ) == [(101, "own"), (102, "post number 102"), (103, "post number 103")]
    assert all(account.holds for account in writer.run_sync(ledger.balance))
    left = writer.run_sync(channels.get, old)
    assert left is not None
    assert left.state == "imported"


def test_a_pause_outlives_and_only_grows(writer: Writer) -> None:
    writer.run_sync(pauses.pause, "messages.getHistory", NOW + timedelta(seconds=60), "FLOOD_WAIT_60")
    writer.run_sync(pauses.pause, "messages.getHistory", NOW + timedelta(seconds=5), "FLOOD_WAIT_5")
    assert writer.run_sync(pauses.pauses, NOW) == {"messages.getHistory": NOW + timedelta(seconds=60)}
    assert writer.run_sync(pauses.pauses, NOW + timedelta(seconds=60)) == {}


def test_a_backfill_is_planned_once_and_remembers_how_far_it_came(writer: Writer) -> None:
    assert writer.run_sync(backfills.begin, LEGION.id, 100, NOW - timedelta(days=7), 200)
    assert not writer.run_sync(backfills.begin, LEGION.id, 100, NOW, 5)
    writer.run_sync(backfills.progress, LEGION.id, 60, 40, NOW, finished=False)
    (plan,) = writer.run_sync(backfills.unfinished)
    assert (plan.reached, plan.posts, plan.most) == (60, 40, 200)
    writer.run_sync(backfills.progress, LEGION.id, 10, 50, NOW, finished=True)
    assert writer.run_sync(backfills.unfinished) == []
