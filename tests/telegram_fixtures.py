"""A simulated data centre for any room's tests: in its conftest.py ``dc = telegram_fixtures.dc``, and ``world`` alike.

``world`` and ``dc`` are fixtures (the data centre is running, on a free port of loopback); ``client_for`` makes an
unmodified Telethon client that is logged in by a pre-shared key, without a key exchange.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from telethon import TelegramClient
from telethon.crypto import AuthKey
from telethon.errors import RPCError, rpc_errors_dict
from telethon.sessions import MemorySession
from telethon.tl import functions, types

from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, User, World


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World(seed=1)


@pytest.fixture
async def dc(world: World) -> AsyncIterator[DataCentre]:
    """A running data centre; after the test no handler may have crashed."""
    centre = DataCentre(world, seed=1)
    await centre.start()
    yield centre
    await centre.stop()
    assert centre.crashes == []


def session_for(dc: DataCentre, key: bytes | None) -> MemorySession:
    """Return an in-memory Telethon session at the data centre, with an authorisation key or none."""
    session = MemorySession()
    session.set_dc(dc.dc_id, dc.host, dc.port)
    if key is not None:
        session.auth_key = AuthKey(key)
    return session


def client_for(dc: DataCentre, user: User | None, **settings: Any) -> TelegramClient:
    """Return a client (not connected yet), logged in as `user`; with None it has no key and must shake hands."""
    key = dc.world.preshared_key(user) if user else None
    settings = {
        "flood_sleep_threshold": 0,
        "connection_retries": 2,
        "retry_delay": 0.05,
        "request_retries": 1,
        "raise_last_call_error": True,
    } | settings
    return TelegramClient(session_for(dc, key), 12345, "0" * 32, **settings)


@asynccontextmanager
async def connected(dc: DataCentre, user: User, **settings: Any) -> AsyncIterator[TelegramClient]:
    """Connect a client of `user` for the length of a ``with`` block."""
    client = client_for(dc, user, **settings)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


def peer(dc: DataCentre, user: User, channel: SimChannel) -> types.InputPeerChannel:
    """Return a channel as `user` addresses it in ``messages.…`` requests."""
    return types.InputPeerChannel(channel.id, dc.world.access_hash(user, channel))


def input_channel(dc: DataCentre, user: User, channel: SimChannel) -> types.InputChannel:
    """Return a channel as `user` addresses it in ``channels.…`` requests."""
    return types.InputChannel(channel.id, dc.world.access_hash(user, channel))


def get_history(
    at: types.InputPeerChannel, *, offset_id: int = 0, add_offset: int = 0, limit: int = 100, **more: Any
) -> functions.messages.GetHistoryRequest:
    """Return a raw history request."""
    settings: dict[str, Any] = {"offset_date": None, "max_id": 0, "min_id": 0, "hash": 0} | more
    return functions.messages.GetHistoryRequest(
        peer=at, offset_id=offset_id, add_offset=add_offset, limit=limit, **settings
    )


@contextmanager
def refused(name: str) -> Iterator[None]:
    """Expect that Telegram refuses with an error of this NAME (a number in it is left out: ``FLOOD_WAIT``)."""
    with pytest.raises(rpc_errors_dict.get(name, RPCError)) as caught:
        yield
    if name not in rpc_errors_dict:
        assert name in str(caught.value)
