"""A simulated data centre for any room's tests: ``from ..telegram_fixtures import dc, world  # noqa: F401``.

``world`` and ``dc`` are fixtures (the data centre is running, on a free port of loopback); ``client_for`` makes an
unmodified Telethon client that is logged in by a pre-shared key, without a key exchange.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from telethon import TelegramClient
from telethon.crypto import AuthKey
from telethon.sessions import MemorySession

from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import User, World


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
    settings = {"flood_sleep_threshold": 0, "connection_retries": 2, "retry_delay": 0.05} | settings
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
