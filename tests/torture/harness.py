"""The kill harness: the real daemon over real MTProto, killed at random points while faults of many kinds strike.

``python -m tests.torture.harness --kills 200`` (``make torture``). The checker compares the server's own list with
the archive, the ledger with its equation, and what was matched with what the outlets received.
"""

import argparse
import asyncio
import random
import re
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from channelwatch.archive import ledger
from channelwatch.service.stage import Stage
from channelwatch.simulator.botapi import BotApi
from channelwatch.simulator.faults import Chaos
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, World

TOKEN = "7000001:torture-bot-token-of-the-simulated-world"
CHAT = 4242
CHANNELS = 5
POSTS_PER_SECOND = 60.0
WORDS = ["ветер", "дорога", "поле", "мост", "школа", "хлеб", "вода", "лес", "станция", "поезд"]


@dataclass
class Result:
    """What one torture did and what the checker found; every list must be empty."""

    kills: int = 0
    posts: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)
    expected_alerts: int = 0
    extra_copies: int = 0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Nothing lost, nothing doubled, the books balance, every match was told."""
        return not (self.lost or self.doubled or self.unequal or self.unbalanced or self.unmatched or self.undelivered)

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.kills} kills, {self.posts} posts: {len(self.lost)} lost, {len(self.doubled)} doubled, "
            f"{len(self.unequal)} with another text, {len(self.unbalanced)} ledgers out of balance; "
            f"{self.expected_alerts} matches: {len(self.unmatched)} unmatched, {len(self.undelivered)} undelivered, "
            f"{self.extra_copies} extra copies; {self.seconds:.0f} s"
        )


class Torture:
    """One torture from one seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Everything that is drawn by chance comes from `seed`."""
        self.random = random.Random(seed)
        self.world = World(seed=seed)
        self.dc = DataCentre(self.world, seed=seed)
        self.dc.chaos = Chaos(lose=0.2, late=0.05, twice=0.03, reorder=0.03, hidden=0.1)
        self.api = BotApi({TOKEN: "torture_bot"}, limits=None, seed=seed)
        self.api.add_chat(CHAT)
        self.api.chances = {"flood": 0.10, "server_error": 0.05, "drop_answer": 0.03}
        self.stage = Stage(folder, self.dc, self.api)
        self.number = 0
        self.console: dict[str, int] = {}
        """Text that must reach the console → its number."""
        self.bot: dict[str, int] = {}

    async def run(self, kills: int) -> Result:
        """Kill the daemon so many times while posts arrive, let it settle, and check."""
        started = time.monotonic()
        async with self.dc, self.api:
            channels = self._furnish()
            console = (self.stage.folder / "console.jsonl").open("ab")
            with console:
                for number in range(kills + 1):
                    await self.stage.start(stdout=console, wait=number == kills)
                    if number < kills:
                        await self._post_for(channels, self.random.uniform(0.5, 3.0))
                        if number % 10 == 5:
                            self.dc.cut()
                        await self.stage.kill()
                # The last daemon lives: a little more happens, then everything must come to rest.
                await self._post_for(channels, 2.0)
                await self.stage.until(self._settled(channels), within=90)
                code = await self.stage.stop()
                assert code == 0, f"the last daemon left with {code}:\n{self.stage.log_tail()}"
            result = self._check(channels)
        assert not self.dc.crashes, self.dc.crashes
        result.kills, result.seconds = kills, time.monotonic() - started
        return result

    def _furnish(self) -> list[SimChannel]:
        user = self.world.add_user(phone="+9996620001")
        channels = [self.world.add_channel(f"torture_{number}") for number in range(CHANNELS)]
        for channel in channels[:-1]:  # the last one is polled
            self.world.join(user, channel)
        for channel in channels:  # what was there before the watch began is no part of the promise
            self.dc.load(channel, [{"text": "раньше", "date": "2023-05-20T10:00:00+00:00"} for _ in range(3)])
        self.dc.fault("messages.getHistory", "420 FLOOD_WAIT_1", times=None, probability=0.02)
        self.dc.fault("messages.getHistory", "500 RPC_CALL_FAIL", times=None, probability=0.02)
        self.dc.fault("channels.getMessages", "500 RPC_CALL_FAIL", times=None, probability=0.02)
        self.dc.fault("messages.getHistory", "drop", times=None, probability=0.005)
        self.stage.furnish(
            user,
            [{"name": channel.name, "join": index < CHANNELS - 1} for index, channel in enumerate(channels)],
            [
                {"name": "alarm", "query": "тревога", "outlets": ["console"]},
                {"name": "red", "query": '"красный код"', "outlets": ["bot"], "severity": "critical"},
            ],
            bot_token=TOKEN,
            telegram={"pace": 0},
            outlets={"bot": {"kind": "telegram", "chat": CHAT, "api": self.api.url}},
            backfill={"posts": 0},
        )
        return channels

    async def _post_for(self, channels: list[SimChannel], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(self.random.expovariate(POSTS_PER_SECOND))
            self.number += 1
            words = [self.random.choice(WORDS) for _ in range(self.random.randint(3, 9))]
            channel = self.random.choice(channels)
            text = f"{' '.join(words)} номер{self.number}"
            watched = self._known(channel)
            if self.random.random() < 0.2:
                text = f"Тревогу объявили: {text}"
                if watched:
                    self.console[text] = self.number
            if self.random.random() < 0.01:
                text = f"Красный код! {text}"
                if watched:
                    self.bot[text] = self.number
            if self.random.random() < 0.03:
                self.dc.skip_ids(channel, self.random.randint(1, 3))
            self.dc.post(channel, text)

    def _known(self, channel: SimChannel) -> bool:
        """Tell whether the daemon has begun to watch a channel: its promise covers what comes from then on."""
        if not self.stage.archive.path.exists():
            return False
        try:
            connection = self.stage.archive.reader()
        except Exception:  # being made just now
            return False
        try:
            row = connection.execute(
                "SELECT 1 FROM rules, channels WHERE channels.id = ? AND start IS NOT NULL LIMIT 1", (channel.id,)
            ).fetchone()
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return row is not None

    def _settled(self, channels: list[SimChannel]):  # type: ignore[no-untyped-def]
        tops = {
            channel.id: max((number for number, _, deleted in self.world.listing(channel) if not deleted), default=0)
            for channel in channels
        }

        def settled(connection: sqlite3.Connection) -> bool:
            marks = dict(connection.execute("SELECT id, mark FROM channels"))
            behind = any((marks.get(channel_id) or 0) < top for channel_id, top in tops.items())
            work = connection.execute("SELECT count(*) FROM work").fetchone()[0]
            due = connection.execute("SELECT count(*) FROM deliveries WHERE state IN ('due', 'sending')").fetchone()[0]
            missing = connection.execute("SELECT count(*) FROM ranges WHERE state = 'open' AND asks < 1").fetchone()[0]
            return not (behind or work or due or missing)

        return settled

    def _check(self, channels: list[SimChannel]) -> Result:
        result = Result()
        connection = self.stage.archive.reader()
        try:
            stored: Counter[tuple[int, int]] = Counter()
            texts: dict[tuple[int, int], str] = {}
            for channel_id, message_id, text in connection.execute("SELECT channel_id, message_id, text FROM posts"):
                stored[channel_id, message_id] += 1
                texts[channel_id, message_id] = text
            starts = dict(connection.execute("SELECT id, start FROM channels"))
            promised = set()
            for channel in channels:
                for message_id, text, deleted in self.world.listing(channel):
                    if deleted or message_id <= starts[channel.id]:
                        continue
                    key = (channel.id, message_id)
                    promised.add(text)
                    if not stored[key]:
                        result.lost.append(f"{channel.name}/{message_id}")
                    elif texts[key] != text:
                        result.unequal.append(f"{channel.name}/{message_id}")
            result.posts = len(promised)
            result.doubled = [str(key) for key, count in stored.items() if count > 1]
            result.unbalanced = [book.channel for book in ledger.balance(connection) if not book.holds]
            matched = {
                (rule, text)
                for rule, text in connection.execute(
                    "SELECT r.name, p.text FROM matches m JOIN rules r ON r.id = m.rule_id JOIN posts p ON p.id = m.post_id"
                )
            }
        finally:
            connection.close()
        heard = (self.stage.folder / "console.jsonl").read_text().splitlines()
        console = _numbers(heard)
        told = _numbers([sent.text for sent in self.api.messages(CHAT)])
        for rule, expected, seen in (
            ("alarm", self.console, {n: console[n] for n in self.console.values()}),
            ("red", self.bot, {n: told[n] for n in self.bot.values()}),
        ):
            for text, number in expected.items():
                if text not in promised:
                    continue
                result.expected_alerts += 1
                if (rule, text) not in matched:
                    result.unmatched.append(text)
                elif not seen[number]:
                    result.undelivered.append(text)
                else:
                    result.extra_copies += seen[number] - 1
        return result


def _numbers(messages: list[str]) -> Counter[int]:
    """Count in how many messages each post's number stands."""
    return Counter(int(found) for text in messages for found in set(re.findall(r"номер(\d+)", text)))


def main() -> None:
    """Torture from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", type=Path, help="folder to play in and to keep")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = asked.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        result = asyncio.run(Torture(place, seed).run(asked.kills))
    print(result)
    for name in ("lost", "doubled", "unequal", "unbalanced", "unmatched", "undelivered"):
        for line in getattr(result, name)[:10]:
            print(f"  {name}: {line}")
    raise SystemExit(0 if result.good else 1)


if __name__ == "__main__":
    main()
