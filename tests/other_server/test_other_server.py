"""The daemon, unmodified, against an MTProto server that is not our simulator.

The server speaks through the ``mtproto`` package and lives in this folder. The login is a real one: the key comes out
of the full key exchange.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mtproto", reason="the package mtproto is not installed")

from telethon.tl import types
from telethon.tl.alltlobjects import LAYER

from channelwatch.archive import ledger
from channelwatch.archive.file import Archive
from channelwatch.config.model import Secret, Secrets, TelegramConfig
from channelwatch.errors import LineDown, LoginNeeded
from channelwatch.service.control import ask
from channelwatch.telegram import keyfile
from channelwatch.telegram.login import check, log_in
from tests.other_server.requests import Desk
from tests.other_server.server import OtherServer
from tests.other_server.world import Account, Channel

DC_ID = 4
API_ID, API_HASH = 17, "89abcdef0123456789abcdef01234567"
SECRETS = Secrets(api_id=API_ID, api_hash=Secret(API_HASH))
HISTORY = 230
DELETED = {31, 32, 33, 150}
"""Ids of the older history that hold nothing."""


class Talker:
    """Someone who types a wrong code first, then the right one."""

    def __init__(self, account: Account) -> None:
        self.answers = [f"+{account.phone}", "11111", account.code]
        self.told: list[str] = []

    async def ask(self, question: str, *, hidden: bool = False) -> str:
        return self.answers.pop(0)

    def tell(self, text: str) -> None:
        self.told.append(text)

    def show_qr(self, url: str) -> None:
        raise AssertionError("nobody asked for a QR code")


class Site:
    """A config folder and the daemon that runs on it."""

    def __init__(self, folder: Path, server: OtherServer) -> None:
        self.folder = folder
        self.server = server
        self.daemon: asyncio.subprocess.Process | None = None

    @property
    def config(self) -> TelegramConfig:
        return TelegramConfig(
            dc_id=DC_ID, dc_host=self.server.host, dc_port=self.server.port, rsa_key_file=self.server.rsa_key_file
        )

    def furnish(self) -> None:
        config = self.folder / "config"
        config.mkdir(mode=0o700)
        (config / "channelwatch.toml").write_text(
            f"""
            [archive]
            file = "{self.folder / "data" / "channelwatch.db"}"

            [telegram]
            dc_id = {DC_ID}
            dc_host = "{self.server.host}"
            dc_port = {self.server.port}
            rsa_key_file = "{self.server.rsa_key_file}"
            pace = 0

            [backfill]
            posts = 1000

            [[channels]]
            name = "@harbour_watch"
            join = true

            [[channels]]
            name = "t.me/river_gauge"
            """
        )
        (config / "rules.toml").write_text('[[rules]]\nname = "storm"\nquery = "шторм"\n')
        (config / ".env").write_text(f"API_ID={API_ID}\nAPI_HASH={API_HASH}\n")
        (config / ".env").chmod(0o600)

    async def log_in(self) -> keyfile.Key:
        """Log the account in for the daemon; the first code typed is wrong."""
        talker = Talker(self.server.desk.account)
        key = await log_in(talker, self.config, SECRETS)
        assert any("the code is wrong" in text for text in talker.told)
        keyfile.save(self.folder / "data", key)
        return key

    async def start(self) -> None:
        """Start the daemon and wait until it answers on its socket."""
        with (self.folder / "log").open("ab") as log, (self.folder / "console").open("ab") as console:
            self.daemon = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "channelwatch", "--config", str(self.folder / "config"), "run"),
                stdout=console,
                stderr=log,
                env={name: value for name, value in os.environ.items() if not name.endswith(("_FILE", "_STRING"))},
            )
        async with asyncio.timeout(40):
            while not await self.answers():
                assert self.daemon.returncode is None, self.log()
                await asyncio.sleep(0.1)

    async def answers(self) -> bool:
        try:
            return await asyncio.to_thread(ask, self.folder / "data", {"do": "ping"}, timeout=5) is not None
        except LineDown:
            return False

    async def stop(self) -> int:
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGTERM)
        return await self.daemon.wait()

    @contextmanager
    def archive(self) -> Iterator[sqlite3.Connection]:
        connection = Archive(self.folder / "data" / "channelwatch.db").reader()
        try:
            yield connection
        finally:
            connection.close()

    async def until(self, condition: Callable[[sqlite3.Connection], bool]) -> None:
        """Wait until a condition on the archive holds; fail with the daemon's log when it leaves or takes too long."""
        try:
            async with asyncio.timeout(40):
                while True:
                    with self.archive() as archive:
                        if condition(archive):
                            return
                    assert self.daemon is not None
                    assert self.daemon.returncode is None, self.log()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"waited in vain; the daemon's log:\n{self.log()}") from None

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def alerts(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "console").read_text().splitlines()]


@pytest.fixture
def harbour() -> Channel:
    channel = Channel(id=1_400_000_411, name="harbour_watch", title="Порт: сводка", access_hash=-6_123_456_789_012)
    begun = datetime.now(UTC) - timedelta(days=3)
    channel.posts[1] = types.MessageService(
        id=1,
        peer_id=types.PeerChannel(channel.id),
        date=begun,
        action=types.MessageActionChannelCreate("Порт: сводка"),
        post=True,
    )
    for number in range(2, HISTORY + 1):
        if number not in DELETED:
            what = "Шторм прошёл стороной" if number == 77 else f"Причал {number}: погрузка идёт по графику"
            channel.publish(number, what, begun + timedelta(minutes=number))
    return channel


@pytest.fixture
def river() -> Channel:
    channel = Channel(id=1_400_000_988, name="river_gauge", title="Уровень реки", access_hash=7_998_877_665_544)
    for number in range(1, 6):
        channel.publish(number, f"Уровень {100 + number} см", datetime.now(UTC) - timedelta(hours=30 - number))
    return channel


@pytest.fixture
async def server(harbour: Channel, river: Channel) -> AsyncIterator[OtherServer]:
    async with OtherServer(Desk(DC_ID, Account(), [harbour, river])) as server:
        yield server
    assert server.crashes == []
    assert server.desk.strange == set()


@asynccontextmanager
async def a_site(folder: Path, server: OtherServer) -> AsyncIterator[Site]:
    site = Site(folder, server)
    site.furnish()
    try:
        yield site
    finally:
        if site.daemon is not None and site.daemon.returncode is None:
            site.daemon.kill()
            await site.daemon.wait()


@pytest.fixture
async def site(tmp_path: Path, server: OtherServer) -> AsyncIterator[Site]:
    async with a_site(tmp_path, server) as site:
        yield site


def stored(archive: sqlite3.Connection, channel: Channel) -> dict[int, str]:
    """Return how each post of a channel came."""
    rows = archive.execute("SELECT message_id, came FROM posts WHERE channel_id = ?", (channel.id,))
    return dict(rows.fetchall())


async def test_the_daemon_watches_a_server_that_is_not_ours(
    site: Site, server: OtherServer, harbour: Channel, river: Channel
) -> None:
    key = await site.log_in()
    assert (key.dc_id, key.host, key.port, key.user_id) == (DC_ID, server.host, server.port, server.desk.account.id)
    await site.start()
    history = set(harbour.posts)
    await site.until(lambda a: stored(a, harbour).keys() == history and stored(a, river).keys() == set(river.posts))
    await site.until(lambda a: a.execute("SELECT sum(joined) FROM channels").fetchone()[0] == 1)

    # Ninety ids without a post, then one that is pushed: the push is a hint, the sweep finds the quiet one before it.
    server.change_salts()
    quiet, loud = HISTORY + 2, HISTORY + 93
    harbour.publish(quiet, "Без событий")
    harbour.publish(loud, "Объявлен шторм, суда остаются в порту")
    server.push(harbour, loud)
    await site.until(lambda a: {quiet, loud} <= stored(a, harbour).keys())

    # Published hours ago as far as its date says: what is missing below it is believed to be empty at the first ask.
    river.publish(9, "Уровень 120 см", datetime.now(UTC) - timedelta(hours=2))
    river_id, harbour_id = river.id, harbour.id
    await site.until(lambda a: _account(a, river_id).certified_empty == 3)
    await site.until(lambda _: bool(site.alerts()))
    await site.until(lambda a: _asks(a, harbour_id) >= 1)
    assert await site.stop() == 0

    with site.archive() as archive:
        accounts = {one.channel_id: one for one in ledger.balance(archive)}
        ways = stored(archive, harbour)
        pushed_raw = archive.execute(
            "SELECT text FROM posts WHERE message_id = ? AND channel_id = ?", (loud, harbour_id)
        )
        assert pushed_raw.fetchone()[0] == harbour.posts[loud].message
    assert ways[loud] == "push"
    assert ways[quiet] == "sweep"
    assert {ways[number] for number in history} == {"backfill"}
    assert server.layers == {LAYER}
    assert len(server.desk.logged_in) == 1
    one = accounts[harbour_id]
    assert (one.start, one.mark, one.stored, one.open_holes, one.certified_empty) == (HISTORY, loud, 2, 91, 0)
    two = accounts[river_id]
    assert (two.start, two.mark, two.stored, two.open_holes, two.certified_empty) == (5, 9, 1, 0, 3)
    assert one.holds
    assert two.holds
    assert [(alert["rule"], alert["message_id"], alert["words"]) for alert in site.alerts()] == [
        ("storm", loud, ["шторм"])
    ]


async def test_what_was_published_while_the_line_was_cut_is_found_on_the_next(
    site: Site, server: OtherServer, harbour: Channel
) -> None:
    await site.log_in()
    await site.start()
    await site.until(lambda a: a.execute("SELECT sum(joined) FROM channels").fetchone()[0] == 1)
    await site.until(lambda a: len(ledger.balance(a)) == 2)
    server.cut()
    harbour.publish(HISTORY + 1, "Шторм усиливается")
    await site.until(lambda a: stored(a, harbour).get(HISTORY + 1) == "sweep")
    await site.until(lambda _: bool(site.alerts()))
    assert await site.stop() == 0


class Terse(Desk):
    """A desk that answers as few servers do: short pages, which keep the newest, without count or pts."""

    def _history(self, key: int, request: Any) -> Any:
        whole = super()._history(key, request)
        return types.messages.Messages(whole.messages[:40], [], whole.chats, [])


@pytest.fixture
async def terse(harbour: Channel, river: Channel) -> AsyncIterator[OtherServer]:
    async with OtherServer(Terse(DC_ID, Account(), [harbour, river])) as server:
        yield server
    assert server.crashes == []


async def test_a_server_with_pages_cut_short_costs_calls_and_no_post(
    tmp_path: Path, terse: OtherServer, river: Channel
) -> None:
    async with a_site(tmp_path, terse) as site:
        await site.log_in()
        await site.start()
        await site.until(lambda a: len(ledger.balance(a)) == 2)
        for number in range(6, 66):
            river.publish(number, f"Уровень {number} см")
        await site.until(lambda a: stored(a, river).keys() == set(river.posts))
        assert await site.stop() == 0
        with site.archive() as archive:
            one = _account(archive, river.id)
        assert (one.start, one.mark, one.stored, one.open_holes) == (5, 65, 60, 0)
        assert one.holds


async def test_a_key_that_the_server_does_not_know_asks_for_a_login(site: Site, server: OtherServer) -> None:
    stranger = keyfile.Key(dc_id=DC_ID, host=server.host, port=server.port, auth_key=bytes(range(256)))
    with pytest.raises(LoginNeeded):
        await check(stranger, site.config, SECRETS)


def _account(archive: sqlite3.Connection, channel_id: int) -> ledger.ChannelLedger:
    return next(one for one in ledger.balance(archive) if one.channel_id == channel_id)


def _asks(archive: sqlite3.Connection, channel_id: int) -> int:
    """Return how often the open holes of a channel were asked for, the least asked of them."""
    found = archive.execute("SELECT min(asks) FROM ranges WHERE channel_id = ? AND state = 'open'", (channel_id,))
    return int(found.fetchone()[0])
