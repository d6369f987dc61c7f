"""A running line to a simulated data centre, for tests of this room and of the watch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from channelwatch.config.model import Secret, Secrets, TelegramConfig
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import User
from channelwatch.telegram.keyfile import Key
from channelwatch.telegram.line import Line

SECRETS = Secrets(api_id=12345, api_hash=Secret("0" * 32))


def line_to(dc: DataCentre, user: User, **times: Any) -> Line:
    """Return a line (not running) of `user`, with a pre-shared key."""
    key = Key(dc_id=dc.dc_id, host=dc.host, port=dc.port, auth_key=dc.world.preshared_key(user), user_id=user.id)
    times = {"backoff": (0.05, 0.2), **times}
    return Line(key, TelegramConfig(), SECRETS, **times)


@asynccontextmanager
async def running(line: Line) -> AsyncIterator[Line]:
    """Run a line for the length of a ``with`` block, starting when it stands."""
    task = asyncio.create_task(line.run())
    try:
        await line.up()
        yield line
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
