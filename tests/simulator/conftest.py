"""A world of one reader and one channel, for the simulator's own tests."""

import pytest

from channelwatch.simulator.world import SimChannel, User, World

from .. import telegram_fixtures

dc = telegram_fixtures.dc
world = telegram_fixtures.world


@pytest.fixture
def me(world: World) -> User:
    return world.add_user("+99966000001")


@pytest.fixture
def news(world: World, me: User) -> SimChannel:
    """A public channel whose first post gets id 100; `me` is a member."""
    channel = world.add_channel("border_news", "Вести границы", first_id=100)
    world.join(me, channel)
    return channel
