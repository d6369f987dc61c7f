"""WORLD.toml: read with every problem named, and played against a real client."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from telethon import functions, types

import channelwatch.simulator
from channelwatch.errors import ConfigError
from channelwatch.simulator.scenario import Scenario

from ..telegram_fixtures import connected, get_history, peer
from .test_updates import listening

WORLD = """
seed = 3
[[users]]
phone = "+99966001"
password = "secret"
joined = ["border_news"]
folders = [{title = "Война", channels = ["border_news"]}]

[[bots]]
token = "1000001:abc"
name = "desk_bot"
joined = ["border_news"]

[[channels]]
name = "border_news"
title = "Вести"
first_id = 100

[[channels]]
name = "private_talk"
public = false
"""


def events(text):
    return Scenario.parse(WORLD + text)


async def test_history_is_there_before_anyone_looks_with_dates_in_the_past():
    scenario = events('[[events]]\nat = -3600\ndo = "post"\nchannel = "border_news"\ntext = "давно"')
    play = scenario.open(speed=0)
    (post,) = scenario.channels["border_news"].posts.values()
    assert abs(datetime.now(UTC).timestamp() - 3600 - post.date) < 5
    assert play.events == []


async def test_every_content_event_is_played_and_heard():
    scenario = events("""
[[events]]
at = 1
do = "post"
id = "a"
channel = "border_news"
text = "Козинка"
entities = [["bold", 0, 7]]
[[events]]
at = 2
do = "album"
channel = "border_news"
text = "Колонна"
media = ["photo", "video"]
[[events]]
at = 3
do = "forward"
channel = "border_news"
of = "a"
[[events]]
at = 4
do = "forward"
channel = "border_news"
of = "a"
origin = false
id = "copy"
[[events]]
at = 5
do = "react"
of = "a"
emoji = "🔥"
count = 3
[[events]]
at = 6
do = "edit"
of = "a"
text = "Козинка взята"
[[events]]
at = 7
do = "skip"
channel = "border_news"
count = 10
[[events]]
at = 8
do = "retitle"
channel = "border_news"
title = "Новое"
[[events]]
at = 9
do = "post"
channel = "border_news"
text = "последнее"
reply_to = "a"
[[events]]
at = 10
do = "delete"
of = "copy"
[[events]]
at = 11
do = "views"
of = "a"
views = 900
""")
    play = scenario.open(speed=0)
    me = next(iter(scenario.world.users.values()))
    news = scenario.channels["border_news"]
    async with play.dc, listening(play.dc, me) as (client, heard):
        told = []
        await play.play(on_event=told.append)
        await heard.until(lambda: heard.of(types.UpdateChannelMessageViews))
        page = await client(get_history(peer(play.dc, me, news)))
    assert len(told) == 11
    assert [message.id for message in page.messages] == [116, 115, 103, 102, 101, 100]
    assert [text for _, text, deleted in scenario.world.listing(news) if deleted] == ["Козинка"]
    last, service, forward, second, first, original = page.messages
    assert (original.message, original.views, last.reply_to.reply_to_msg_id) == ("Козинка взята", 900, 100)
    assert service.action.title == "Новое"
    assert forward.fwd_from.channel_post == 100
    assert first.grouped_id == second.grouped_id
    assert not play.dc.crashes


async def test_trouble_is_played_too():
    scenario = events("""
[[events]]
at = 0
do = "fault"
method = "messages.getHistory"
action = "420 FLOOD_WAIT_5"
[[events]]
at = 0
do = "limit"
method = "contacts.resolveUsername"
calls = 1
seconds = 60
[[events]]
at = 0
do = "black_hole"
seconds = 0.01
[[events]]
at = 0
do = "chaos"
lose = 1.0
[[events]]
at = 1
do = "post"
channel = "border_news"
text = "без толчка"
[[events]]
at = 2
do = "heal"
[[events]]
at = 2
do = "salt"
[[events]]
at = 2
do = "skew"
seconds = 5
[[events]]
at = 3
do = "cut"
[[events]]
at = 3
do = "down"
seconds = 0.1
[[events]]
at = 4
do = "rename"
channel = "border_news"
name = "border_today"
[[events]]
at = 5
do = "mark"
id = "here"
[[events]]
at = 6
do = "ban"
channel = "private_talk"
[[events]]
at = 6
do = "remove"
channel = "private_talk"
[[events]]
at = 7
do = "revoke"
""")
    play = scenario.open(speed=100)
    me = next(iter(scenario.world.users.values()))
    world, dc = scenario.world, play.dc
    async with dc:
        port = dc.port
        marks = []

        async def at_mark(name):
            marks.append(name)
            async with connected(dc, me, connection_retries=20) as client:
                found = await client(functions.contacts.ResolveUsernameRequest("border_today"))
                assert found.peer.channel_id == scenario.channels["border_news"].id
                assert (await client(get_history(peer(dc, me, scenario.channels["border_news"])))).messages

        await play.play(on_mark=at_mark)
        assert (dc.port, marks, dc.clock_skew) == (port, ["here"], 5)
        assert scenario.channels["private_talk"].gone
        assert all(key.user is None for key in world.keys.values())


def test_every_problem_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        Scenario.parse("""
colour = "red"
[[users]]
phone = "+99966001"
joined = ["nowhere"]
[[users]]
fone = "1"
[[bots]]
token = "no colon"
[[channels]]
name = "x"
[[events]]
at = "soon"
do = "post"
channel = "a"
text = "b"
[[events]]
at = 1
do = "explode"
""")
    told = [str(problem) for problem in caught.value.problems]
    assert len(told) == 7
    for part in ("colour", "users[0].joined", "users[1]", "bots[0].token", "channels[0]", "events[0]", "events[1]"):
        assert any(f"WORLD.toml: {part}" in line for line in told), part


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ('do = "post"\nchannel = "nowhere"\ntext = "x"', "unknown channel 'nowhere'"),
        ('do = "edit"\nof = "nothing"\ntext = "x"', "no post 'nothing' before it"),
        ('do = "fault"\nmethod = "ping"\naction = "explode"', "unknown fault action 'explode'"),
        ('do = "post"\nchannel = "border_news"\ntext = "x"\nmedia = "hologram"', "unknown media kind 'hologram'"),
        ('do = "post"\nchannel = "border_news"\ntext = "x"\nentities = [["blink", 0, 1]]', "unknown entity kind"),
        ('do = "ban"\nchannel = "border_news"\nuser = "+1999"', "no user '+1999'"),
    ],
)
def test_events_that_refer_to_nothing_are_named(event, said):
    with pytest.raises(ConfigError, match="at = 1") as caught:
        events(f"[[events]]\nat = 1\n{event}")
    assert said in str(caught.value)


def test_a_deleted_post_can_not_be_edited():
    with pytest.raises(ConfigError, match="no post 'a' before it"):
        events("""
[[events]]
at = 1
do = "post"
id = "a"
channel = "border_news"
text = "x"
[[events]]
at = 2
do = "delete"
of = "a"
[[events]]
at = 3
do = "edit"
of = "a"
text = "y"
""")


async def test_an_event_that_can_not_be_done_is_named():
    taken = '[[events]]\nat = 1\ndo = "post"\nchannel = "border_news"\ntext = "x"\nmessage_id = 7\n'
    play = events(taken + taken).open(speed=0)
    async with play.dc:
        with pytest.raises(ValueError, match=r"events \(at = 1, do = 'post'\): .*id 7 is taken"):
            await play.play()


def test_a_text_that_is_no_toml_is_named():
    with pytest.raises(ConfigError, match="not TOML"):
        Scenario.parse("[[")


def test_history_files_lie_beside_the_world(tmp_path):
    rows = [{"text": "раз", "date": "2023-05-22T09:15:00"}, {"text": "два", "message_id": 50}]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "world.toml").write_text('[[channels]]\nname = "border_news"\nhistory = "rows.jsonl"\n')
    scenario = Scenario.read(tmp_path / "world.toml")
    assert scenario.world.listing(scenario.channels["border_news"]) == [(1, "раз", False), (50, "два", False)]
    assert scenario.channels["border_news"].posts[1].date == 1684746900


def test_the_shipped_worlds_are_sound():
    folder = Path(channelwatch.simulator.__file__).parent / "worlds"
    worlds = list(folder.glob("*.toml"))
    assert worlds
    for file in worlds:
        assert Scenario.read(file).events


async def test_the_speed_scales_the_times():
    scenario = events('[[events]]\nat = 30\ndo = "mark"\nid = "x"')
    play = scenario.open(speed=300)
    async with play.dc:
        async with asyncio.timeout(5):
            await play.play()
    assert play.scene.marks == ["x"]
    assert scenario.seconds == 30
