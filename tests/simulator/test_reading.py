"""Names, channels, history, ids, dialogs and folders, as an unmodified client sees them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import functions, types

from channelwatch.simulator.reading import window

from ..telegram_fixtures import connected, get_history, input_channel, peer, refused


def ids_of(page):
    return [message.id for message in page.messages]


@pytest.fixture
def long(dc, news):
    """Ids 100 to 349."""
    dc.load(news, [{"text": f"запись {number}", "date": 1_684_700_000 + number} for number in range(250)])
    return news


async def test_a_name_is_resolved_in_any_case_with_the_users_own_access_hash(dc, world, me, news):
    other = world.add_user("+99966000002")
    async with connected(dc, me) as client:
        found = await client(functions.contacts.ResolveUsernameRequest("Border_News"))
    assert found.peer == types.PeerChannel(news.id)
    assert found.chats[0].access_hash == world.access_hash(me, news) != world.access_hash(other, news)
    assert (found.chats[0].left, found.chats[0].title, found.chats[0].min) == (False, "Вести границы", False)


async def test_free_and_impossible_names_are_refused(dc, me):
    async with connected(dc, me) as client:
        with refused("USERNAME_NOT_OCCUPIED"):
            await client(functions.contacts.ResolveUsernameRequest("nobody_here"))
        with refused("USERNAME_INVALID"):
            await client(functions.contacts.ResolveUsernameRequest("не имя"))


async def test_a_renamed_channel_keeps_id_and_hash_and_frees_its_old_name(dc, world, me, news):
    world.rename(news, "border_today")
    async with connected(dc, me) as client:
        with refused("USERNAME_NOT_OCCUPIED"):
            await client(functions.contacts.ResolveUsernameRequest("border_news"))
        found = await client(functions.contacts.ResolveUsernameRequest("border_today"))
    assert found.peer.channel_id == news.id


async def test_a_channel_with_several_names_has_a_list_and_no_single_one(dc, world, me, news):
    world.add_name(news, "bought_name")
    async with connected(dc, me) as client:
        found = await client(functions.contacts.ResolveUsernameRequest("bought_name"))
        assert found.chats[0].username is None
        assert [entry.username for entry in found.chats[0].usernames] == ["border_news", "bought_name"]
        world.remove(news)
        with refused("USERNAME_NOT_OCCUPIED"):
            await client(functions.contacts.ResolveUsernameRequest("bought_name"))


async def test_counters_signatures_and_custom_reactions_can_be_read(dc, me, news):
    dc.post(news, "считаем", author="Редакция")
    dc.views(news, 100, 900, 12, replies=4)
    dc.react(news, 100, "custom:77", 3)
    async with connected(dc, me) as client:
        (post,) = (await client(get_history(peer(dc, me, news)))).messages
    assert (post.views, post.forwards, post.replies.replies, post.post_author) == (900, 12, 4, "Редакция")
    assert post.reactions.results == [types.ReactionCount(types.ReactionCustomEmoji(77), 3)]


async def test_history_is_newest_first_and_pages_downwards(dc, me, long):
    async with connected(dc, me) as client:
        at = peer(dc, me, long)
        first = await client(get_history(at))
        assert ids_of(first) == list(range(349, 249, -1))
        assert (first.count, first.pts) == (250, long.pts)
        assert ids_of(await client(get_history(at, offset_id=250, limit=50))) == list(range(249, 199, -1))
        assert ids_of(await client(get_history(at, offset_id=105))) == [104, 103, 102, 101, 100]
        assert ids_of(await client(get_history(at, offset_id=100))) == []
        assert ids_of(await client(get_history(at, limit=500))) == list(range(349, 249, -1))


async def test_a_negative_add_offset_pages_upwards(dc, me, long):
    async with connected(dc, me) as client:
        at = peer(dc, me, long)
        upwards = get_history(at, offset_id=201, add_offset=-100)
        assert ids_of(await client(upwards)) == list(range(300, 200, -1))
        near_the_top = get_history(at, offset_id=341, add_offset=-100)
        assert ids_of(await client(near_the_top)) == list(range(349, 340, -1))
        assert ids_of(await client(get_history(at, offset_id=350, add_offset=-100))) == []
        assert ids_of(await client(get_history(at, offset_id=1, add_offset=-3, limit=3))) == [102, 101, 100]


async def test_short_and_overlapping_pages_still_begin_where_they_were_asked_to(dc, me, long):
    async with connected(dc, me) as client:
        at = peer(dc, me, long)
        dc.page_limit = 10
        assert ids_of(await client(get_history(at, offset_id=201, add_offset=-100))) == list(range(210, 200, -1))
        assert ids_of(await client(get_history(at, offset_id=201))) == list(range(200, 190, -1))
        dc.page_limit, dc.overlap = 100, 2
        assert ids_of(await client(get_history(at, offset_id=201, add_offset=-3, limit=3))) == [203, 202, 201, 200, 199]


@given(
    ids=st.sets(st.integers(1, 300), max_size=150),
    offset=st.integers(1, 310),
    add_offset=st.integers(-120, 120),
    limit=st.integers(1, 120),
    most=st.integers(1, 100),
)
def test_a_page_is_the_stretch_of_posts_that_was_asked_for_or_a_part_of_it(ids, offset, add_offset, limit, most):
    newest_first = sorted(ids, reverse=True)
    first = sum(1 for message_id in ids if message_id >= offset) + add_offset
    whole = [newest_first[n] for n in range(max(0, first), max(0, first + min(limit, 100))) if n < len(newest_first)]
    edge = len(ids) - first + add_offset
    page = window(sorted(ids), edge, add_offset, limit, most=most)[::-1]
    assert len(page) <= most
    if most == 100:
        assert page == whole
    assert set(page) <= set(whole)
    if whole and first + min(limit, 100) <= len(newest_first) and first >= 0:
        assert page
        assert page[-1] == whole[-1] or page[0] == whole[0]


async def test_min_max_and_date_limit_a_page(dc, me, long):
    async with connected(dc, me) as client:
        at = peer(dc, me, long)
        assert ids_of(await client(get_history(at, max_id=103))) == []  # they cut the page, they do not move it
        assert ids_of(await client(get_history(at, offset_id=103, min_id=100))) == [102, 101]
        dated = await client(get_history(at, offset_date=1_684_700_002))
        assert ids_of(dated) == [101, 100]


async def test_ids_without_a_post_come_back_as_message_empty_in_the_order_asked(dc, me, long):
    dc.skip_ids(long, 5)
    last = dc.post(long, "после дыры")
    dc.delete(long, 120)
    assert last == 355
    async with connected(dc, me) as client:
        page = await client(
            functions.channels.GetMessagesRequest(input_channel(dc, me, long), [355, 352, 120, 100, 9999])
        )
    kinds = [(message.id, isinstance(message, types.MessageEmpty)) for message in page.messages]
    assert kinds == [(355, False), (352, True), (120, True), (100, False), (9999, True)]


async def test_asking_for_no_ids_is_refused(dc, me, news):
    async with connected(dc, me) as client:
        with refused("MESSAGE_IDS_EMPTY"):
            await client(functions.channels.GetMessagesRequest(input_channel(dc, me, news), []))


async def test_a_wrong_access_hash_or_an_unknown_channel_is_invalid(dc, world, me, news):
    other = world.add_user("+99966000002")
    async with connected(dc, me) as client:
        for wrong in (peer(dc, other, news), types.InputPeerChannel(1, 1)):
            with refused("CHANNEL_INVALID"):
                await client(get_history(wrong))
        with refused("PEER_ID_INVALID"):
            await client(get_history(types.InputPeerSelf()))


async def test_a_stranger_reads_a_public_channel_but_not_a_private_one(dc, world, me, news):
    stranger = world.add_user("+99966000002")
    closed = world.add_channel(None, "Для своих", public=False)
    world.join(me, closed)
    dc.post(news, "всем")
    dc.post(closed, "своим")
    async with connected(dc, stranger) as client:
        assert ids_of(await client(get_history(peer(dc, stranger, news)))) == [100]
        for request in (
            get_history(peer(dc, stranger, closed)),
            functions.channels.GetMessagesRequest(input_channel(dc, stranger, closed), [1]),
            functions.channels.GetChannelsRequest([input_channel(dc, stranger, closed)]),
            functions.channels.JoinChannelRequest(input_channel(dc, stranger, closed)),
            functions.updates.GetChannelDifferenceRequest(
                input_channel(dc, stranger, closed), types.ChannelMessagesFilterEmpty(), 1, 100
            ),
        ):
            with refused("CHANNEL_PRIVATE"):
                await client(request)
    async with connected(dc, me) as client:
        assert ids_of(await client(get_history(peer(dc, me, closed)))) == [1]


async def test_banned_users_and_deleted_channels_are_private(dc, world, me, news):
    gone = world.add_channel("soon_gone")
    world.ban(me, news)
    world.remove(gone)
    async with connected(dc, me) as client:
        for channel in (news, gone):
            with refused("CHANNEL_PRIVATE"):
                await client(get_history(peer(dc, me, channel)))
        for name in ("border_news", "soon_gone"):
            with refused("USERNAME_NOT_OCCUPIED"):
                await client(functions.contacts.ResolveUsernameRequest(name))


async def test_joining_and_leaving(dc, world, me, news):
    other = world.add_channel("second_one")
    async with connected(dc, me) as client:
        at = input_channel(dc, me, other)
        joined = await client(functions.channels.JoinChannelRequest(at))
        assert (joined.chats[0].id, joined.chats[0].left) == (other.id, False)
        assert me.id in other.members
        with refused("USER_ALREADY_PARTICIPANT"):
            await client(functions.channels.JoinChannelRequest(at))
        await client(functions.channels.LeaveChannelRequest(at))
        with refused("USER_NOT_PARTICIPANT"):
            await client(functions.channels.LeaveChannelRequest(at))
        with refused("USER_NOT_PARTICIPANT"):
            await client(functions.channels.GetParticipantRequest(at, types.InputPeerSelf()))
        member = await client(
            functions.channels.GetParticipantRequest(input_channel(dc, me, news), types.InputPeerSelf())
        )
        assert member.participant.user_id == me.id


async def test_an_account_can_join_only_so_many_channels(dc, world, me, news):
    world.max_channels = 1
    other = world.add_channel("second_one")
    async with connected(dc, me) as client:
        with refused("CHANNELS_TOO_MUCH"):
            await client(functions.channels.JoinChannelRequest(input_channel(dc, me, other)))


async def test_bots_may_not_read_like_people(dc, world, me, news):
    bot = world.add_bot("1000001:abc", "desk_bot")
    async with connected(dc, bot.user) as client:
        with refused("BOT_METHOD_INVALID"):
            await client(get_history(peer(dc, bot.user, news)))
        assert (await client.get_me()).bot


async def test_dialogs_come_page_by_page_newest_first(dc, world, me, news):
    names = [f"channel_{number}" for number in range(5)]
    for number, name in enumerate(names):
        channel = world.add_channel(name)
        world.join(me, channel)
        dc.post(channel, name, date=1_700_000_000 + number)
    world.add_channel("not_joined")
    dc.post(news, "самое новое")
    async with connected(dc, me) as client:
        slice_ = await client(functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), limit=2, hash=0))
        assert isinstance(slice_, types.messages.DialogsSlice)
        assert slice_.count == 6
        dialogs = await client.get_dialogs()
    assert [dialog.entity.username for dialog in dialogs] == ["border_news", *reversed(names)]


async def test_peer_dialogs_tell_the_newest_id_also_of_a_channel_that_was_not_joined(dc, world, me, news):
    other = world.add_channel("not_joined", first_id=7)
    dc.post(other, "последнее")
    dc.post(news, "видно", hidden_for=60)
    async with connected(dc, me) as client:
        peers = [types.InputDialogPeer(peer(dc, me, channel)) for channel in (other, news)]
        answer = await client(functions.messages.GetPeerDialogsRequest(peers))
    assert [dialog.top_message for dialog in answer.dialogs] == [7, 0]
    assert [message.id for message in answer.messages] == [7]


async def test_folders_name_their_channels(dc, me, news):
    me.folders.append(("Война", [news]))
    async with connected(dc, me) as client:
        answer = await client(functions.messages.GetDialogFiltersRequest())
    assert isinstance(answer.filters[0], types.DialogFilterDefault)
    assert answer.filters[1].title.text == "Война"
    assert answer.filters[1].include_peers == [peer(dc, me, news)]


async def test_channels_in_full(dc, me, news):
    async with connected(dc, me) as client:
        at = input_channel(dc, me, news)
        assert (await client(functions.channels.GetChannelsRequest([at]))).chats[0].id == news.id
        full = await client(functions.channels.GetFullChannelRequest(at))
        assert full.full_chat.pts == news.pts


async def test_users_are_found_by_id_and_hash_only(dc, world, me):
    other = world.add_user("+99966000002", username="neighbour")
    async with connected(dc, me) as client:
        right = types.InputUser(other.id, world.access_hash(me, other))
        good, bad = await client(functions.users.GetUsersRequest([right, types.InputUser(other.id, 5)]))
        assert (good.username, good.phone) == ("neighbour", None)
        assert isinstance(bad, types.UserEmpty)
        with refused("USER_ID_INVALID"):
            await client(functions.users.GetFullUserRequest(types.InputUser(other.id, 5)))
        assert (await client(functions.users.GetFullUserRequest("me"))).full_user.id == me.id
        found = await client(functions.contacts.ResolveUsernameRequest("neighbour"))
        assert found.users[0].id == other.id
        assert (await client(functions.help.GetAppConfigRequest(0))).config
        own = await client(functions.messages.GetMessagesRequest([types.InputMessageID(1)]))
        assert isinstance(own.messages[0], types.MessageEmpty)
    assert dc.unknown_calls == {}


async def test_every_kind_of_post_can_be_read(dc, world, me, news):
    source = world.add_channel("source_ch")
    original = dc.post(source, "начало")
    kinds = ["photo", "document", "video", "audio", "voice", "poll", "geo", "webpage", "contact"]
    for kind in kinds:
        dc.post(news, kind, media=kind)
    dc.post(
        news,
        "🔥 Козинка и ссылка",
        entities=[("bold", 2, 9), ("text_link", 12, 18, "https://example.org/")],
        forward_of=(source, original),
        reply_to=100,
        album=55,
    )
    dc.post(news, "скрытый автор", forward_of="Кто-то")
    dc.service(news, types.MessageActionPinMessage())
    async with connected(dc, me) as client:
        page = await client(get_history(peer(dc, me, news)))
    service, hidden, rich, *media = page.messages
    assert isinstance(service.action, types.MessageActionPinMessage)
    assert hidden.fwd_from.from_name == "Кто-то"
    assert (rich.fwd_from.from_id.channel_id, rich.fwd_from.channel_post) == (source.id, original)
    assert (rich.reply_to.reply_to_msg_id, rich.grouped_id) == (100, 55)
    texts = [rich.get_entities_text()[number][1] for number in range(2)]
    assert texts == ["Козинка", "ссылка"]
    assert [type(message.media).__name__ for message in reversed(media)] == [
        "MessageMediaPhoto",
        *["MessageMediaDocument"] * 4,
        "MessageMediaPoll",
        "MessageMediaGeo",
        "MessageMediaWebPage",
        "MessageMediaContact",
    ]
    origin = next(chat for chat in page.chats if chat.id == source.id)
    assert origin.min
    assert origin.access_hash != world.access_hash(me, source)
