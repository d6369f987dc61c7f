"""The world by itself: names, keys, ids, bulk loading."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelwatch.simulator.messages import entities, media
from channelwatch.simulator.world import World


def test_keys_hashes_and_ids_follow_from_the_seed():
    def build(seed):
        world = World(seed)
        user = world.add_user("+99966000001")
        channel = world.add_channel("border_news")
        return channel.id, world.access_hash(user, channel), world.preshared_key(user)

    assert build(1) == build(1) != build(2)
    assert len(build(1)[2]) == 256


def test_every_preshared_key_is_another_one():
    world = World()
    user = world.add_user("+99966000001")
    assert world.preshared_key(user) != world.preshared_key(user)


def test_names_are_unique_whatever_their_case_and_freed_by_a_rename():
    world = World()
    first = world.add_channel("Border_News")
    with pytest.raises(ValueError, match="taken"):
        world.add_channel("border_news")
    with pytest.raises(ValueError, match="not a username"):
        world.add_channel("вести")
    with pytest.raises(ValueError, match="needs a name"):
        world.add_channel(None)
    world.rename(first, "elsewhere")
    second = world.add_channel("border_news")
    assert world.by_name("BORDER_NEWS") is second
    world.rename(second, None)
    assert (second.public, world.by_name("border_news")) == (False, None)
    assert world.channel("elsewhere") is first
    with pytest.raises(KeyError):
        world.channel("nobody")


def test_accounts_are_found_by_their_number_however_it_is_spelled():
    world = World()
    user = world.add_user("+999 66-00 (00001)")
    assert world.user_by_phone("9996600 00001") is user
    with pytest.raises(ValueError, match="bot token"):
        world.add_bot("abc", "x")


def test_loaded_rows_without_an_id_get_free_ones_after_the_row_before():
    world = World()
    channel = world.add_channel("border_news")
    rows = [
        {"text": "a", "message_id": 15},
        {"text": "b", "message_id": None},
        {"text": "c"},
        {"text": "d", "message_id": 18},
        {"text": "e"},
        {"text": "f", "message_id": 18},
    ]
    assert world.load(channel, rows) == [15, 16, 17, 18, 19, 20]
    assert [text for _, text, _ in world.listing(channel)] == list("abcdef")


def test_loaded_rows_keep_what_they_say():
    world = World()
    channel = world.add_channel("border_news")
    world.load(
        channel,
        [
            {
                "text": "жирно",
                "date": "2023-05-22T12:15:00+03:00",
                "edited": datetime(2023, 5, 23, tzinfo=UTC),
                "views": 5,
                "media": "photo",
                "album": 9,
                "reply_to": 3,
                "entities": [("bold", 0, 5)],
            }
        ],
    )
    post = channel.posts[1]
    assert (post.date, post.edited, post.views) == (1684746900, 1684800000, 5)
    assert (post.album, post.reply_to, type(post.media).__name__) == (9, 3, "MessageMediaPhoto")
    assert post.entities[0].length == 5


@given(st.lists(st.one_of(st.none(), st.integers(1, 40)), max_size=30), st.integers(0, 20))
def test_loading_gives_every_row_an_id_of_its_own(wanted, first):
    world = World()
    channel = world.add_channel("border_news", first_id=first + 1)
    rows = [{"text": str(number), "message_id": message_id} for number, message_id in enumerate(wanted)]
    ids = world.load(channel, rows)
    assert len(set(ids)) == len(rows)
    assert channel.ids == sorted(ids)
    assert channel.top == max([first, *ids])
    kept = {message_id for message_id in wanted if message_id}
    assert kept <= set(ids)


def test_entities_are_counted_in_utf16_units():
    (mark,) = entities("🔥🔥 да", [("bold", 3, 5)])
    assert (mark.offset, mark.length) == (5, 2)
    with pytest.raises(ValueError, match="unknown media kind"):
        media("hologram", 1)


def test_a_post_with_a_low_id_takes_its_place():
    world = World()
    channel = world.add_channel("border_news")
    world.load(channel, [{"text": "a", "message_id": 10}])
    world.load(channel, [{"text": "b", "message_id": 5}])
    assert channel.ids == [5, 10]
    assert channel.top == 10
