"""Pushes and differences: who gets what, and what is refused."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from telethon import events, functions, types

from ..telegram_fixtures import connected, get_history, input_channel, peer, refused


class Heard:
    """What a client's raw handler heard."""

    def __init__(self):
        self.updates = []
        self._news = asyncio.Event()

    async def __call__(self, update):
        self.updates.append(update)
        self._news.set()

    def of(self, kind):
        return [update for update in self.updates if isinstance(update, kind)]

    def ids(self):
        return [update.message.id for update in self.of(types.UpdateNewChannelMessage)]

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(dc, user, **settings):
    async with connected(dc, user, sequential_updates=True, **settings) as client:
        heard = Heard()
        client.add_event_handler(heard, events.Raw())
        yield client, heard


def difference(at, pts, limit=100):
    return functions.updates.GetChannelDifferenceRequest(at, types.ChannelMessagesFilterEmpty(), pts, limit)


async def test_a_member_hears_of_posts_edits_deletions_and_reactions_in_order(dc, me, news):
    async with listening(dc, me) as (_, heard):
        first = dc.post(news, "Козинка")
        second = dc.post(news, "Грайворон")
        dc.edit(news, first, "Козинка взята")
        dc.react(news, second, "🔥", 12)
        dc.delete(news, first)
        await heard.until(lambda: heard.of(types.UpdateDeleteChannelMessages))
    assert heard.ids() == [100, 101]
    edit, reaction = heard.of(types.UpdateEditChannelMessage)
    assert edit.message.message == "Козинка взята"
    assert edit.message.edit_date
    assert not edit.message.edit_hide
    assert (reaction.message.message, reaction.message.edit_hide) == ("Грайворон", True)
    assert reaction.message.reactions.results == [types.ReactionCount(types.ReactionEmoji("🔥"), 12)]
    assert heard.of(types.UpdateDeleteChannelMessages)[0].messages == [100]
    assert [update.pts for update in heard.updates if hasattr(update, "pts")] == [2, 3, 4, 5, 6]


async def test_strangers_bots_outside_and_unauthorised_sessions_hear_nothing(dc, world, me, news):
    stranger = world.add_user("+99966000002")
    async with listening(dc, stranger) as (client, heard), listening(dc, me) as (_, mine):
        dc.post(news, "только своим")
        await mine.until(mine.ids)
        await client(functions.PingRequest(1))  # whatever was pushed came before the pong
        assert heard.ids() == []
        await client(functions.channels.JoinChannelRequest(input_channel(dc, stranger, news)))
        dc.post(news, "и тебе")
        await heard.until(heard.ids)
    assert heard.ids() == [101]


async def test_a_revoked_key_hears_nothing_more(dc, me, news):
    async with connected(dc, me) as client:
        heard = Heard()
        client.add_event_handler(heard, events.Raw())
        dc.log_out(me)
        dc.post(news, "после выхода")
        await client(functions.PingRequest(1))
        assert heard.ids() == []


async def test_a_client_that_wants_no_updates_gets_none(dc, me, news):
    async with listening(dc, me, receive_updates=False) as (client, heard):
        dc.post(news, "тишина")
        await client(functions.PingRequest(1))
        assert heard.ids() == []


async def test_albums_share_a_group_and_only_their_first_part_has_the_text(dc, me, news):
    async with listening(dc, me) as (_, heard):
        dc.album(news, ["Колонна", "", ""])
        await heard.until(lambda: len(heard.ids()) == 3)
    parts = [update.message for update in heard.of(types.UpdateNewChannelMessage)]
    assert len({part.grouped_id for part in parts}) == 1
    assert parts[0].grouped_id
    assert [part.message for part in parts] == ["Колонна", "", ""]


async def test_service_messages_views_and_bans_are_told(dc, me, news):
    async with listening(dc, me) as (_, heard):
        dc.retitle(news, "Новое имя")
        dc.post(news, "считаем")
        dc.views(news, 101, 500, 3)
        await heard.until(lambda: heard.of(types.UpdateChannelMessageViews))
        dc.ban(me, news)
        await heard.until(lambda: heard.of(types.UpdateChannel))
    assert heard.of(types.UpdateNewChannelMessage)[0].message.action.title == "Новое имя"
    assert heard.of(types.UpdateChannelMessageViews)[0].views == 500


async def test_a_lost_push_is_found_by_the_gap_that_the_next_one_shows(dc, me, news):
    async with listening(dc, me) as (_, heard):
        dc.post(news, "слышно")
        await heard.until(heard.ids)
        dc.post(news, "потеряно", lose=True)
        dc.post(news, "видна дыра")
        await heard.until(lambda: len(heard.ids()) == 3)
    assert sorted(heard.ids()) == [100, 101, 102]
    assert dc.calls["updates.getChannelDifference"] == 1


async def test_doubled_and_late_pushes_leave_as_asked(dc, me, news):
    async with connected(dc, me) as client:
        seen = asyncio.Queue()
        client._updates_queue.put_nowait, real = seen.put_nowait, client._updates_queue.put_nowait
        client._sender._updates_queue.put_nowait = seen.put_nowait
        dc.post(news, "поздно", late=0.1)
        dc.post(news, "дважды", twice=True)
        ids = [(await asyncio.wait_for(seen.get(), 5)).updates[0].message.id for _ in range(3)]
        client._updates_queue.put_nowait = real
    assert ids == [101, 101, 100]


async def test_a_difference_brings_posts_edits_and_deletions_after_a_pts(dc, me, news):
    start = news.pts
    first = dc.post(news, "раз")
    second = dc.post(news, "два")
    third = dc.post(news, "три")
    dc.edit(news, first, "раз!")
    dc.delete(news, second)
    async with connected(dc, me) as client:
        at = input_channel(dc, me, news)
        whole = await client(difference(at, start))
        assert [(message.id, message.message) for message in whole.new_messages] == [(100, "раз!"), (third, "три")]
        assert [type(update).__name__ for update in whole.other_updates] == ["UpdateDeleteChannelMessages"]
        assert (whole.pts, whole.final) == (news.pts, True)
        slice_ = await client(difference(at, start, limit=1))
        assert (slice_.pts, slice_.final, len(slice_.new_messages)) == (start + 1, False, 1)
        later = await client(difference(at, start + 3))
        assert [type(update).__name__ for update in later.other_updates] == [
            "UpdateEditChannelMessage",
            "UpdateDeleteChannelMessages",
        ]
        nothing = await client(difference(at, news.pts))
        assert (nothing.pts, nothing.final) == (news.pts, True)


async def test_impossible_pts_are_refused(dc, me, news):
    dc.post(news, "раз")
    async with connected(dc, me) as client:
        at = input_channel(dc, me, news)
        with refused("PERSISTENT_TIMESTAMP_EMPTY"):
            await client(difference(at, 0))
        with refused("PERSISTENT_TIMESTAMP_INVALID"):
            await client(difference(at, news.pts + 1))
        with refused("PERSISTENT_TIMESTAMP_INVALID"):
            await client(functions.updates.GetDifferenceRequest(pts=99, date=1_700_000_000, qts=0))
        with refused("PERSISTENT_TIMESTAMP_EMPTY"):
            await client(functions.updates.GetDifferenceRequest(pts=0, date=1_700_000_000, qts=0))
        with refused("DATE_EMPTY"):
            await client(functions.updates.GetDifferenceRequest(pts=1, date=None, qts=0))


async def test_too_far_behind_is_too_long(dc, me, news):
    start = news.pts
    for number in range(12):
        dc.post(news, f"{number}")
    dc.too_long_over = 11
    async with connected(dc, me) as client:
        answer = await client(difference(input_channel(dc, me, news), start))
    assert isinstance(answer, types.updates.ChannelDifferenceTooLong)
    assert (answer.dialog.pts, answer.dialog.top_message) == (news.pts, 111)


async def test_history_that_was_loaded_is_too_long_ago_for_a_difference(dc, me, news):
    dc.load(news, [{"text": "давно"}] * 5)
    async with connected(dc, me) as client:
        answer = await client(difference(input_channel(dc, me, news), 1))
    assert isinstance(answer, types.updates.ChannelDifferenceTooLong)


async def test_the_accounts_difference_names_the_channels_that_changed(dc, world, me, news):
    quiet = world.add_channel("quiet_one")
    world.join(me, quiet)
    async with connected(dc, me) as client:
        state = await client(functions.updates.GetStateRequest())
        empty = functions.updates.GetDifferenceRequest(pts=state.pts, date=state.date, qts=0)
        assert isinstance(await client(empty), types.updates.DifferenceEmpty)
        dc.post(news, "раз")
        answer = await client(empty)
        assert [(update.channel_id, update.pts) for update in answer.other_updates] == [(news.id, news.pts)]


async def test_after_a_cut_catch_up_finds_what_was_missed(dc, me, news):
    async with listening(dc, me, connection_retries=20) as (client, heard):
        dc.post(news, "до")
        await heard.until(heard.ids)
        dc.cut()
        dc.post(news, "во время")
        await client.get_me()  # the line is back
        await client.catch_up()
        await heard.until(lambda: 101 in heard.ids())


async def test_a_hidden_id_is_in_no_answer_until_its_time(dc, me, news):
    start = news.pts
    dc.post(news, "видно")
    late = dc.post(news, "пока нет", hidden_for=0.4)
    dc.post(news, "видно и это")
    async with listening(dc, me) as (client, heard):
        at, raw = input_channel(dc, me, news), peer(dc, me, news)
        assert [message.id for message in (await client(get_history(raw))).messages] == [102, 100]
        by_id = await client(functions.channels.GetMessagesRequest(at, [late]))
        assert isinstance(by_id.messages[0], types.MessageEmpty)
        assert [message.id for message in (await client(difference(at, start))).new_messages] == [100, 102]
        await heard.until(heard.ids)
        assert heard.ids() == [late]
        assert [message.id for message in (await client(get_history(raw))).messages] == [102, 101, 100]


async def test_min_channels_in_pushes_carry_a_hash_that_opens_nothing(dc, world, me, news):
    dc.min_chats = True
    async with listening(dc, me) as (client, heard):
        dc.post(news, "раз")
        await heard.until(heard.ids)
        chat = next(iter(heard.of(types.UpdateNewChannelMessage)[0]._entities.values()))
        assert chat.min
        with refused("CHANNEL_INVALID"):
            await client(get_history(types.InputPeerChannel(news.id, chat.access_hash)))


async def test_editing_or_deleting_what_is_not_there_is_an_error(dc, news):
    with pytest.raises(KeyError):
        dc.edit(news, 5, "x")
    dc.post(news, "x")
    dc.delete(news, 100)
    with pytest.raises(KeyError):
        dc.delete(news, 100)
    with pytest.raises(KeyError):
        dc.edit(news, 100, "x")
    with pytest.raises(ValueError, match="is taken"):
        dc.post(news, "x", message_id=100)
