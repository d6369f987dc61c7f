"""Everything that can be made to go wrong, felt through an unmodified client."""

import asyncio
import time
from random import Random

import pytest
from telethon import errors, functions

from channelwatch.simulator.faults import Chaos, Faults, check_action, flood
from channelwatch.simulator.rpc import RpcError
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import World

from ..telegram_fixtures import connected, get_history, input_channel, peer
from .test_updates import Heard, difference, listening

STATE = functions.updates.GetStateRequest()


async def test_a_flood_wait_hits_one_method_so_many_times(dc, me, news):
    dc.fault("messages.getHistory", flood(17), times=2)
    async with connected(dc, me) as client:
        with pytest.raises(errors.FloodWaitError) as caught:
            await client(get_history(peer(dc, me, news)))
        assert caught.value.seconds == 17
        assert await client(STATE)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("303 FILE_MIGRATE_9", errors.FileMigrateError),
        ("401 SESSION_REVOKED", errors.SessionRevokedError),
        ("406 AUTH_KEY_DUPLICATED", errors.AuthKeyDuplicatedError),
        ("500 RPC_CALL_FAIL", errors.RPCError),
        ("-503 TIMEOUT", errors.RPCError),
        ("unknown", errors.TypeNotFoundError),
    ],
)
async def test_any_error_can_be_asked_for(dc, me, action, expected):
    async with connected(dc, me) as client:
        dc.fault("channels.getChannels", action, times=None)
        with pytest.raises(expected):
            await client._sender.send(functions.channels.GetChannelsRequest([]))  # without Telethon's own retries


async def test_a_silent_call_is_never_answered_and_a_late_one_late(dc, me):
    async with connected(dc, me) as client:
        dc.fault("GetState", "silent")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client(STATE), 0.2)
        dc.fault("GetState", 0.2)
        before = time.monotonic()
        assert await client(STATE)
        assert time.monotonic() - before >= 0.2


async def test_a_dropped_line_instead_of_an_answer_is_survived_by_a_reconnect(dc, me):
    async with connected(dc, me, connection_retries=10) as client:
        dc.fault("updates.getState", "drop")
        assert await client(STATE)
    assert dc.calls["updates.getState"] >= 2


async def test_the_salt_changes_mid_session(dc, me):
    async with connected(dc, me) as client:
        dc.salt_change()
        assert await client(STATE)
        dc.fault("updates.getState", "salt")
        assert await client(STATE)
        assert await client(STATE)


async def test_transport_429_ends_the_line_for_good_as_telethon_sees_it(dc, me):
    async with connected(dc, me, connection_retries=10) as client:
        dc.fault("updates.getState", "transport 429")
        with pytest.raises(errors.InvalidBufferError) as caught:
            await client(STATE)
    assert caught.value.code == 429


async def test_a_difference_can_be_made_too_long(dc, me, news):
    dc.post(news, "раз")
    async with connected(dc, me) as client:
        dc.fault("updates.getChannelDifference", "too_long")
        answer = await client(difference(input_channel(dc, me, news), news.pts - 1))
        assert type(answer).__name__ == "ChannelDifferenceTooLong"
        dc.fault("updates.getDifference", "too_long")
        answer = await client(functions.updates.GetDifferenceRequest(pts=1, date=1_700_000_000, qts=0))
        assert type(answer).__name__ == "DifferenceTooLong"


async def test_a_post_of_an_unknown_kind_spoils_push_page_and_difference_around_it(dc, me, news):
    async with listening(dc, me) as (client, heard):
        dc.post(news, "до")
        await heard.until(heard.ids)
        poison = dc.post(news, "", media="unknown")
        raw = peer(dc, me, news)
        with pytest.raises(errors.TypeNotFoundError):
            await client(get_history(raw))
        with pytest.raises(errors.TypeNotFoundError):
            await client(difference(input_channel(dc, me, news), 1))
        alone = await client(get_history(raw, offset_id=poison, limit=1))
        assert [message.id for message in alone.messages] == [100]
        assert heard.ids() == [100]


async def test_a_black_hole_swallows_both_ways_and_ends(dc, me, news):
    async with connected(dc, me) as client:
        heard = Heard()
        client.add_event_handler(heard)
        dc.black_hole(0.3)
        dc.post(news, "в дыру")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client(STATE), 0.2)
        await asyncio.sleep(0.15)
        assert await client(STATE)
        assert heard.ids() == []


async def test_a_black_hole_for_good_kills_the_lines_that_were_open(dc, me):
    async with connected(dc, me) as old:
        dc.black_hole(0, for_good=True)
        async with connected(dc, me) as fresh:
            assert await fresh(STATE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(old(STATE), 0.2)


async def test_a_clock_too_far_ahead_makes_a_client_ignore_the_answers(dc, me):
    async with connected(dc, me) as client:
        dc.clock_skew = 60
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client(STATE), 0.2)


async def test_a_limit_answers_with_the_seconds_to_wait(dc, me):
    dc.faults.limit("updates.getState", 3, 30)
    async with connected(dc, me) as client:
        dc.faults.limit("updates.getState", 3, 30)
        for _ in range(3):
            await client(STATE)
        with pytest.raises(errors.FloodWaitError) as caught:
            await client(STATE)
    assert 29 <= caught.value.seconds <= 30


def test_a_limit_forgets_old_calls():
    faults = Faults(Random(0))
    faults.limit("GetHistory", 2, 30)
    assert [faults.take("messages.getHistory", now) for now in (0, 10)] == [None, None]
    refusal = faults.take("messages.getHistory", 11)
    assert isinstance(refusal, RpcError)
    assert refusal.name == "FLOOD_WAIT_19"
    assert faults.take("messages.getHistory", 31) is None


def test_faults_on_all_methods_and_bare_names_and_their_end():
    faults = Faults(Random(0))
    faults.add("*", "drop", 1, 1.0)
    faults.add("GetHistoryRequest", "silent", 1, 1.0)
    faults.add("channels.getMessages", "silent", None, 1.0)
    assert faults.take("messages.getHistory", 0) == "silent"
    assert faults.take("messages.getMessages", 0) == "drop"
    assert faults.take("messages.getMessages", 0) is None
    assert [faults.take("channels.getMessages", 0) for _ in range(3)] == ["silent"] * 3
    faults.clear()
    assert faults.take("channels.getMessages", 0) is None


def test_an_action_that_means_nothing_is_refused():
    assert check_action("420 FLOOD_WAIT_3").name == "FLOOD_WAIT_3"
    with pytest.raises(ValueError, match="unknown fault action 'explode'"):
        check_action("explode")


def test_the_same_seed_rolls_the_same_fate():
    chaos = Chaos(lose=0.2, late=0.1, twice=0.1, reorder=0.1, hidden=0.1)
    one, two = Random(5), Random(5)
    fates = [chaos.roll(one) for _ in range(200)]
    assert fates == [chaos.roll(two) for _ in range(200)]
    assert 20 < sum(fate.lose for fate in fates) < 60
    assert all(0.1 <= fate.hidden_for <= 0.6 for fate in fates if fate.hidden_for)


async def test_under_chaos_history_still_holds_every_post_once(dc, me, news):
    dc.chaos = Chaos(lose=0.3, late=0.3, twice=0.3, reorder=0.3, hidden=0.3, hidden_for=(0.0, 0.2), late_by=(0.0, 0.1))
    async with listening(dc, me) as (client, heard):
        ids = [dc.post(news, f"{number}") for number in range(60)]
        await asyncio.sleep(0.4)
        page = await client(get_history(peer(dc, me, news)))
        assert sorted(message.id for message in page.messages) == ids
        assert set(heard.ids()) <= set(ids)


async def test_chaos_loses_and_doubles_edits_and_deletions_too(dc, me, news):
    ids = [dc.post(news, str(number)) for number in range(3)]
    async with connected(dc, me) as client:
        seen = asyncio.Queue()
        client._sender._updates_queue.put_nowait = seen.put_nowait
        dc.chaos = Chaos(lose=1.0)
        dc.edit(news, ids[0], "потеряно")
        dc.delete(news, ids[1])
        dc.chaos = Chaos(twice=1.0)
        dc.edit(news, ids[0], "дважды")
        dc.chaos = Chaos(late=1.0, late_by=(0.05, 0.05))
        dc.delete(news, ids[2])
        kinds = [type((await asyncio.wait_for(seen.get(), 5)).updates[0]).__name__ for _ in range(3)]
    assert kinds == ["UpdateEditChannelMessage", "UpdateEditChannelMessage", "UpdateDeleteChannelMessages"]
    assert seen.empty()


async def test_a_reordered_push_leaves_after_the_next_one_or_by_itself(dc, me, news):
    async with connected(dc, me) as client:
        seen = asyncio.Queue()
        client._sender._updates_queue.put_nowait = seen.put_nowait
        dc.chaos = Chaos(reorder=1.0)
        dc.post(news, "первый")
        dc.chaos = Chaos()
        dc.post(news, "второй")
        dc.chaos = Chaos(reorder=1.0)
        dc.post(news, "третий")
        ids = [(await asyncio.wait_for(seen.get(), 5)).updates[0].message.id for _ in range(3)]
    assert ids == [101, 100, 102]


async def test_a_stop_drops_pushes_that_wait_and_leaves_nothing_running():
    world = World()
    me = world.add_user("+99966000001")
    news = world.add_channel("border_news")
    world.join(me, news)
    centre = DataCentre(world)
    await centre.start()
    centre.post(news, "никогда", late=60)
    await centre.stop()
    await centre.stop()
    assert len(asyncio.all_tasks()) == 1
