"""The line, over the real Telethon, to a simulated data centre."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from telethon.tl import types

from channelwatch.errors import ChannelGone, Flooded, LineDown, LoginNeeded, TelegramError
from channelwatch.post import ChannelInfo, Post
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, User, World
from channelwatch.telegram import line as room
from channelwatch.telegram.line import Line
from channelwatch.telegram.names import parse

from .line_fixtures import line_to, running


@pytest.fixture
def me(world: World) -> User:
    return world.add_user(phone="+70000000001")


@pytest.fixture
def news(world: World, me: User) -> SimChannel:
    channel = world.add_channel("news_here")
    world.join(me, channel)
    return channel


def info_of(dc: DataCentre, me: User, channel: SimChannel) -> ChannelInfo:
    return ChannelInfo(channel.id, dc.world.access_hash(me, channel), None, "", joined=True)


def fill(dc: DataCentre, channel: SimChannel, count: int) -> None:
    dc.load(channel, [{"text": f"пост {number}", "date": 1684746900 + number} for number in range(1, count + 1)])


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def ids(posts: tuple[Post, ...]) -> list[int]:
    return [post.message_id for post in posts]


async def test_history_is_read_upwards_and_downwards_page_by_page(dc: DataCentre, me: User, news: SimChannel) -> None:
    fill(dc, news, 130)
    async with running(line_to(dc, me)) as line:
        info = await line.resolve(parse("@news_here"))
        page = await line.history(info, above=0)
        assert ids(page.posts) == list(range(1, 101))
        assert page.channel == info
        page = await line.history(info, above=100)
        assert ids(page.posts) == list(range(101, 131))
        assert page.posts[-1].text == "пост 130"
        page = await line.history(info, above=130)
        assert page.posts == ()
        page = await line.history_below(info, below=50, limit=10)
        assert ids(page.posts) == list(range(40, 50))
        assert await line.top(info) == 130


async def test_a_page_that_overlaps_is_cut_to_what_was_asked(dc: DataCentre, me: User, news: SimChannel) -> None:
    fill(dc, news, 20)
    dc.overlap = 3
    async with running(line_to(dc, me)) as line:
        page = await line.history(info_of(dc, me, news), above=10)
        assert ids(page.posts) == list(range(11, 21))


async def test_ids_that_hold_nothing_are_said_to_be_empty(dc: DataCentre, me: User, news: SimChannel) -> None:
    fill(dc, news, 5)
    dc.delete(news, 3)
    async with running(line_to(dc, me)) as line:
        page = await line.by_ids(info_of(dc, me, news), [2, 3, 4, 99])
        assert ids(page.posts) == [2, 4]
        assert page.empty == (3, 99)


@pytest.mark.parametrize("poison", [[7], [1], [20], [6, 7], [1, 10, 20], list(range(1, 21))])
async def test_messages_that_can_not_be_read_spoil_nothing_else(
    dc: DataCentre,
    me: User,
    news: SimChannel,
    poison: list[int],
) -> None:
    for number in range(1, 21):
        dc.post(news, f"{number}", media="unknown" if number in poison else None)
    good = [number for number in range(1, 21) if number not in poison]
    info = info_of(dc, me, news)
    async with running(line_to(dc, me)) as line:
        for page in (
            await line.history(info, above=0),
            await line.history_below(info, below=None),
            await line.by_ids(info, range(1, 21)),
        ):
            assert ids(page.posts) == good
            assert [one.message_id for one in page.unreadable] == poison
            assert "unknown constructor" in page.unreadable[0].error
        assert line.state == "up"
    assert dc.calls["messages.getHistory"] <= 2 * (len(poison) + 1)


async def test_pushes_come_as_posts_and_poison_among_them_is_harmless(
    dc: DataCentre,
    me: User,
    news: SimChannel,
) -> None:
    line = line_to(dc, me)
    came: list[tuple[str, object]] = []
    line.on_push = lambda post: came.append((post.text, post.edited is not None))
    line.on_deleted = lambda channel_id, gone: came.append(("deleted", gone))
    line.watched = {news.id}
    async with running(line):
        first = dc.post(news, "первый")
        dc.post(news, "яд", media="unknown")
        dc.edit(news, first, "исправленный")
        dc.post(news, "потерян", lose=True)
        dc.post(news, "после дыры")  # Telethon itself would hold it back
        dc.delete(news, first)
        await until(lambda: len(came) >= 4)
    assert came == [("первый", False), ("исправленный", True), ("после дыры", False), ("deleted", (first,))]


async def test_a_callback_that_fails_stops_neither_pushes_nor_calls(dc: DataCentre, me: User, news: SimChannel) -> None:
    line = line_to(dc, me)
    came: list[str] = []

    def take(post: Post) -> None:
        came.append(post.text)
        raise RuntimeError("full")

    line.on_push = take
    line.watched = {news.id}
    async with running(line):
        dc.post(news, "один")
        dc.post(news, "два")
        await until(lambda: came == ["один", "два"])
        assert await line.top(info_of(dc, me, news)) == 2


async def test_pushes_of_other_channels_are_not_even_read(
    dc: DataCentre, world: World, me: User, news: SimChannel
) -> None:
    other = world.add_channel("other_one")
    world.join(me, other)
    line = line_to(dc, me)
    came: list[int] = []
    line.on_push = lambda post: came.append(post.channel_id)
    line.watched = {news.id}
    async with running(line):
        dc.post(other, "чужое")
        dc.post(news, "своё")
        await until(lambda: came == [news.id])


async def test_every_new_line_says_that_pushes_were_missed(dc: DataCentre, me: User, news: SimChannel) -> None:
    line = line_to(dc, me)
    times: list[int] = []
    line.on_reconnected = lambda: times.append(1)
    async with running(line):
        assert len(times) == 1
        dc.cut()
        await until(lambda: len(times) == 2)
        assert line.state == "up"
        await dc.stop()
        with pytest.raises(LineDown):
            await line.top(info_of(dc, me, news))
        await until(lambda: line.state == "down")
        await dc.start()
        await until(lambda: len(times) == 3)


async def test_a_call_under_way_when_the_line_is_cut_ends_at_once(dc: DataCentre, me: User, news: SimChannel) -> None:
    async with running(line_to(dc, me)) as line:
        dc.fault("messages.getHistory", "drop")
        with pytest.raises(LineDown):
            await line.top(info_of(dc, me, news))
        await until(lambda: line.state == "up")
        assert await line.top(info_of(dc, me, news)) == 0


async def test_a_call_without_an_answer_ends_at_its_deadline(dc: DataCentre, me: User, news: SimChannel) -> None:
    async with running(line_to(dc, me, deadline=0.3)) as line:
        dc.fault("messages.getHistory", "silent")
        with pytest.raises(LineDown, match="no answer in time"):
            await line.top(info_of(dc, me, news))
        assert await line.top(info_of(dc, me, news)) == 0


async def test_a_half_open_line_is_noticed_and_rebuilt(dc: DataCentre, me: User, news: SimChannel) -> None:
    line = line_to(dc, me, deadline=0.2, probe_every=0.2)
    times: list[int] = []
    line.on_reconnected = lambda: times.append(1)
    async with running(line):
        dc.black_hole(0.0, for_good=True)
        await until(lambda: len(times) == 2)
        assert await line.top(info_of(dc, me, news)) == 0


async def test_dead_tasks_of_telethon_are_noticed(dc: DataCentre, me: User, news: SimChannel) -> None:
    line = line_to(dc, me)
    times: list[int] = []
    line.on_reconnected = lambda: times.append(1)
    async with running(line):
        client = line.supervisor._client
        assert client is not None
        client._keepalive_handle.cancel()
        await until(lambda: len(times) == 2)
        assert await line.top(info_of(dc, me, news)) == 0


async def test_a_flood_wait_names_the_method_and_the_seconds(dc: DataCentre, me: User, news: SimChannel) -> None:
    async with running(line_to(dc, me)) as line:
        dc.fault("messages.getHistory", "420 FLOOD_WAIT_17")
        with pytest.raises(Flooded) as caught:
            await line.top(info_of(dc, me, news))
        assert (caught.value.method, caught.value.retry_after) == ("messages.getHistory", 17.0)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("400 CHANNEL_PRIVATE", ChannelGone),
        ("400 CHANNEL_INVALID", ChannelGone),
        ("406 CHANNEL_PRIVATE", ChannelGone),
        ("400 MSG_ID_INVALID", TelegramError),
        ("403 CHAT_FORBIDDEN", ChannelGone),
        ("420 FLOOD_PREMIUM_WAIT_3", Flooded),
        ("500 SOMETHING", LineDown),
        ("-503 Timeout".upper(), LineDown),
    ],
)
async def test_every_refusal_is_one_of_our_errors(
    dc: DataCentre,
    me: User,
    news: SimChannel,
    fault: str,
    expected: type[Exception],
) -> None:
    async with running(line_to(dc, me)) as line:
        dc.fault("messages.getHistory", fault, times=4)
        with pytest.raises(expected) as caught:
            await line.top(info_of(dc, me, news))
        assert type(caught.value) is expected
        assert line.state == "up"


@pytest.mark.parametrize(
    "fault", ["401 AUTH_KEY_UNREGISTERED", "401 SESSION_REVOKED", "406 AUTH_KEY_DUPLICATED", "401 USER_DEACTIVATED_BAN"]
)
async def test_a_login_lost_while_running_ends_the_calls_and_not_the_process(
    dc: DataCentre,
    me: User,
    news: SimChannel,
    fault: str,
) -> None:
    line = line_to(dc, me)
    lost: list[LoginNeeded] = []
    line.on_lost = lost.append
    async with running(line):
        dc.fault("messages.getHistory", fault)
        with pytest.raises(LoginNeeded):
            await line.top(info_of(dc, me, news))
        calls = dc.calls.total()
        with pytest.raises(LoginNeeded):
            await line.top(info_of(dc, me, news))
        await asyncio.sleep(0.1)
        assert line.state == "login needed"
        assert len(lost) == 1
        assert dc.calls.total() == calls


async def test_a_login_that_never_worked_ends_the_line(dc: DataCentre, me: User) -> None:
    line = line_to(dc, me)
    dc.log_out(me)
    with pytest.raises(LoginNeeded):
        async with asyncio.timeout(20):
            await line.run()


async def test_a_key_that_the_server_does_not_know_ends_the_line(dc: DataCentre, me: User) -> None:
    line = line_to(dc, me)
    dc.forget_keys()
    with pytest.raises(LoginNeeded):
        async with asyncio.timeout(20):
            await line.run()


async def test_names_ids_folders_and_people(dc: DataCentre, world: World, me: User, news: SimChannel) -> None:
    public = world.add_channel("public_one")
    me.folders.append(("Граница", [news, public]))
    world.add_user(phone="+2", username="a_person")
    async with running(line_to(dc, me)) as line:
        found = await line.resolve(parse("t.me/public_one/5"))
        assert (found.id, found.name, found.joined) == (public.id, "public_one", False)
        assert (await line.resolve(parse(f"-100{news.id}"))).name == "news_here"
        with pytest.raises(ChannelGone, match="give its @name"):
            await line.resolve(parse(f"-100{public.id}"))
        with pytest.raises(ChannelGone, match="not a channel"):
            await line.resolve(parse("@a_person"))
        with pytest.raises(ChannelGone):
            await line.resolve(parse("@nobody_here"))
        assert {info.id for info in await line.folder("граница")} == {news.id, public.id}
        with pytest.raises(ChannelGone, match="Граница"):
            await line.folder("нет такой")
        await line.join(found)
        assert (await line.infos([found]))[0].joined


async def test_all_chats_are_listed_however_many(dc: DataCentre, world: World, me: User) -> None:
    for number in range(230):
        channel = world.add_channel(f"many_{number}")
        world.join(me, channel)
        dc.load(channel, [{"text": "x", "date": 1684746900 + number // 7}])
    async with running(line_to(dc, me)) as line:
        assert len(await line.chats()) == 230


def test_a_chat_of_any_kind_may_be_the_last_of_a_page() -> None:
    """The next page begins behind it, so it must be addressed as what it is."""
    answer = SimpleNamespace(
        users=[types.User(5, access_hash=55)],
        chats=[types.Channel(5, "x", types.ChatPhotoEmpty(), None, access_hash=56), types.ChatForbidden(6, "y")],
    )
    addressed = [
        room._input_peer(peer, answer)
        for peer in (
            types.PeerUser(5),
            types.PeerChannel(5),
            types.PeerChat(5),
            types.PeerUser(7),
            types.PeerChannel(6),
        )
    ]
    assert addressed == [
        types.InputPeerUser(5, 55),
        types.InputPeerChannel(5, 56),
        types.InputPeerChat(5),
        None,
        None,
    ]
    assert len({room._key(peer) for peer in (types.PeerUser(5), types.PeerChannel(5), types.PeerChat(5))}) == 3


async def test_a_clock_that_differs_is_measured(dc: DataCentre, me: User) -> None:
    dc.clock_skew = 20.0
    async with running(line_to(dc, me)) as line:
        assert line.supervisor.skew is not None
        assert 15 < line.supervisor.skew < 25
        assert (await line.server_time()).tzinfo is not None


async def test_a_message_with_an_unknown_head_is_found_by_its_neighbours(
    dc: DataCentre,
    me: User,
    news: SimChannel,
) -> None:
    fill(dc, news, 12)
    whole = bytes(news.posts[7].ready(news.id))
    news.posts[7]._bytes = b"\xef\xbe\xad\xde" + whole[4:]
    async with running(line_to(dc, me)) as line:
        page = await line.history(info_of(dc, me, news), above=0)
        assert ids(page.posts) == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
        assert [one.message_id for one in page.unreadable] == [7]


def test_a_line_never_shows_its_key(dc: DataCentre, me: User) -> None:
    line: Line = line_to(dc, me)
    assert dc.world.preshared_key(me).hex() not in repr(vars(line.supervisor))
