"""The rehearsal: real posts, the simulator, the real daemon as a child process, a kill and a restart midway.

``python benchmarks/rehearse.py [POSTS.jsonl] [--paced]`` (``make rehearse``, ``make rehearse POSTS=file``). Each
channel of the file is served as a channel: four fifths as history that the daemon reads back, the rest posted live at
20 a second (of the channels that are not joined, the last few). Ends with every post stored exactly once, its text
equal to the source, searchable; prints posts per second and per daemon CPU-second, and what a post takes to be stored
and to become an alert row (100 rules), for joined and polled channels.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from channelwatch.clock import from_iso
from channelwatch.service.reckoning import Reckoning, reckon
from channelwatch.service.stage import Stage
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, World

DEFAULT = Path(__file__).parents[2] / "shared" / "data" / "posts.jsonl"
UNJOINED = 5
LIVE_SHARE = 0.2
POLLED_LIVE = 20
LIVE_MOST = 2000
LIVE_RATE = 20.0
"""Posts a second."""
WORDS = [
    "обстрел",
    "взрыв",
    "беспилотник",
    "дрон",
    "ракета",
    "пожар",
    "эвакуация",
    "губернатор",
    "граница",
    "армия",
    "войска",
    "удар",
    "атака",
    "погибнуть",
    "ранить",
    "школа",
    "больница",
    "дорога",
    "мост",
    "поезд",
    "вокзал",
    "аэропорт",
    "река",
    "вода",
    "свет",
    "газ",
    "электричество",
    "связь",
    "интернет",
    "суд",
    "полиция",
    "задержать",
    "арест",
    "штраф",
    "закон",
    "дума",
    "президент",
    "министр",
    "выборы",
    "партия",
    "город",
    "область",
    "район",
    "село",
    "посёлок",
    "улица",
    "дом",
    "квартира",
    "рынок",
    "цена",
    "рубль",
    "доллар",
    "банк",
    "кредит",
    "налог",
    "бюджет",
    "завод",
    "нефть",
    "уголь",
    "зерно",
    "хлеб",
    "молоко",
    "мясо",
    "погода",
    "снег",
    "дождь",
    "ветер",
    "мороз",
    "жара",
    "лето",
    "зима",
    "весна",
    "осень",
    "праздник",
    "концерт",
    "театр",
    "кино",
    "музей",
    "книга",
    "спорт",
    "футбол",
    "хоккей",
    "матч",
    "команда",
    "тренер",
    "врач",
    "болезнь",
    "вирус",
    "вакцина",
    "лекарство",
    "ребёнок",
    "семья",
    "женщина",
    "мужчина",
    "студент",
    "учитель",
]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a living process, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Return the peak resident memory of a living process in MiB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def quantile(values: list[float], share: float) -> float:
    """Return a quantile of values that need not be sorted."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def channel_name(written: str, taken: set[str]) -> str:
    """Return a name that Telegram allows, made from the file's."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", written.removeprefix("@"))[:28] or "channel"
    if not name[0].isalpha():
        name = f"c_{name}"
    name = re.sub("_+", "_", name).strip("_").ljust(5, "x")
    while name.lower() in taken:
        name += "x"
    taken.add(name.lower())
    return name


class Rehearsal:
    """One run."""

    def __init__(self, folder: Path, posts: Path, *, paced: bool) -> None:
        self.paced = paced
        self.world = World(seed=1)
        self.dc = DataCentre(self.world, seed=1)
        self.stage = Stage(folder, self.dc)
        self.live: list[tuple[SimChannel, dict[str, Any]]] = []
        self.history = 0
        self.pushed: dict[tuple[int, int], float] = {}
        self.texts: dict[tuple[int, int], str] = {}
        self._serve(posts)

    def _serve(self, posts: Path) -> None:
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in posts.read_text("utf-8").splitlines():
            if line.strip():
                row = json.loads(line)
                rows[str(row["channel"])].append(row)
        self.user = self.world.add_user(phone="+9996620001")
        taken: set[str] = set()
        later: list[tuple[SimChannel, dict[str, Any]]] = []
        for number, (written, found) in enumerate(sorted(rows.items(), key=lambda item: -len(item[1]))):
            channel = self.world.add_channel(channel_name(written, taken))
            if number >= UNJOINED:
                self.world.join(self.user, channel)
            clean = sorted(found, key=lambda row: (row.get("message_id") or 0, str(row.get("date"))))
            cut = len(clean) - POLLED_LIVE if number < UNJOINED else int(len(clean) * (1 - LIVE_SHARE))
            self.dc.load(channel, clean[:cut])
            self.history += cut
            later += [(channel, row) for row in clean[cut:]]
        # live: spread over the channels, in each channel's own order
        later.sort(key=lambda item: str(item[1].get("date")))
        self.live = later if self.paced else later[:LIVE_MOST]
        for channel, row in later[len(self.live) :]:
            self.dc.load(channel, [row])
            self.history += 1

    def _furnish(self) -> None:
        rules = [{"name": f"rule {number}", "query": word} for number, word in enumerate(WORDS[:97])]
        rules += [
            {"name": "belgorod", "query": "region:RU-BEL"},
            {"name": "fire near the border", "query": "region:RU-BEL (обстрел OR беспилотник)"},
            {"name": "phrase", "query": '"в результате" -погода'},
        ]
        self.stage.furnish(
            self.user,
            [{"name": channel.name} for channel in self.world.channels.values()],
            rules,
            telegram={"pace": 1.0 if self.paced else 0},
            backfill={"age": "36500d", "posts": 1_000_000},
            alerts={"max_age": "36500d"},
        )

    async def run(self) -> bool:
        """Run all of it; return whether nothing was lost, doubled or unequal."""
        async with self.dc:
            self._furnish()
            channels = len(self.world.channels)
            print(
                f"{channels} channels ({UNJOINED} not joined), {self.history} posts of history, {len(self.live)} live"
            )
            await self._backfill()
            await self._go_live()
            await self.stage.until(self._quiet, within=3600 if self.paced else 120)
            assert self.stage.daemon is not None
            print(f"daemon's peak resident memory: {resident_mb(self.stage.daemon.pid):.0f} MiB")
            code = await self.stage.stop()
            print(f"the daemon left with {code}")
            return self._check()

    async def _backfill(self) -> None:
        started = time.monotonic()
        daemon = await self.stage.start()
        at_start = cpu_seconds(daemon.pid)
        spent = 0.0
        await self.stage.until(lambda archive: self._posts(archive) > self.history / 2, within=3600)
        spent += cpu_seconds(daemon.pid)
        await self.stage.kill()
        daemon = await self.stage.start()
        starting = cpu_seconds(daemon.pid)
        await self.stage.until(self._read_back, within=7200)
        stored = time.monotonic() - started
        cpu = spent + cpu_seconds(daemon.pid)
        await self.stage.until(lambda archive: self._work(archive) == 0, within=600)
        matched = spent + cpu_seconds(daemon.pid)
        connection = self.stage.archive.reader()
        posts = self._posts(connection)
        connection.close()
        print(
            f"backfill, with a kill -9 and a restart midway: {posts} posts in {stored:.1f} s = "
            f"{posts / stored:.0f} posts/s; {posts / cpu:.0f} posts per daemon CPU-second, both starts included "
            f"({posts / (cpu - at_start - starting):.0f} without them); with the rules run too "
            f"{posts / matched:.0f} ({posts / (matched - at_start - starting):.0f})"
        )

    async def _go_live(self) -> None:
        assert self.stage.daemon is not None
        before = cpu_seconds(self.stage.daemon.pid)
        started = time.monotonic()
        for number, (channel, row) in enumerate(self.live):
            await asyncio.sleep(max(0.0, started + number / LIVE_RATE - time.monotonic()))
            sent = time.time()
            message_id = self.dc.post(channel, row["text"], date=row.get("date"))
            self.pushed[channel.id, message_id] = sent
        spent = cpu_seconds(self.stage.daemon.pid) - before
        total = self.history + len(self.live)
        await self.stage.until(lambda archive: self._posts(archive) >= total, within=3600 if self.paced else 60)
        await self.stage.until(lambda archive: self._work(archive) == 0, within=60)
        print(f"live: {len(self.live)} posts at {LIVE_RATE:.0f}/s; {len(self.live) / spent:.0f} per daemon CPU-second")
        connection = self.stage.archive.reader()
        rows = connection.execute(
            """
            SELECT p.channel_id, p.message_id, p.came, p.stored_at, a.raised_at
            FROM posts p LEFT JOIN alerts a ON a.post_id = p.id
            """
        ).fetchall()
        connection.close()
        for kind in ("joined", "polled"):
            stored: list[float] = []
            alerted: list[float] = []
            came: Counter[str] = Counter()
            for channel_id, message_id, how, stored_at, raised_at in rows:
                sent_at = self.pushed.get((channel_id, message_id))
                joined = self.user.id in self.world.channels[channel_id].members
                if sent_at is None or joined != (kind == "joined"):
                    continue
                came[how] += 1
                stored.append(from_iso(stored_at).timestamp() - sent_at)
                if raised_at is not None:
                    alerted.append(from_iso(raised_at).timestamp() - sent_at)
            print(f"  {kind}: {', '.join(f'{count} by {how}' for how, count in came.items())}")
            for what, values in (("stored", stored), ("alert row", alerted)):
                print(
                    f"    posted → {what}: median {1000 * quantile(values, 0.5):.1f} ms, "
                    f"p99 {1000 * quantile(values, 0.99):.1f} ms ({len(values)} posts)"
                )

    def _posts(self, connection: Any) -> int:
        return int(connection.execute("SELECT count(*) FROM posts").fetchone()[0])

    def _work(self, connection: Any) -> int:
        return int(connection.execute("SELECT count(*) FROM work").fetchone()[0])

    def _read_back(self, connection: Any) -> bool:
        begun = connection.execute("SELECT count(*) FROM channels WHERE start IS NOT NULL").fetchone()[0]
        reading = connection.execute("SELECT count(*) FROM backfills WHERE finished_at IS NULL").fetchone()[0]
        return bool(begun == len(self.world.channels) and not reading)

    def _quiet(self, connection: Any) -> bool:
        found: Reckoning = reckon(connection, self.world, history=True)
        return found.good and self._work(connection) == 0

    def _check(self) -> bool:
        connection = self.stage.archive.reader()
        found = reckon(connection, self.world, history=True)
        size = self.stage.archive.path.stat().st_size
        print(
            f"{found.posts} posts stored: {len(found.lost)} lost, {len(found.doubled)} doubled, "
            f"{len(found.unequal)} with another text, {len(found.unbalanced)} ledgers out of balance; "
            f"{size / found.posts:.0f} bytes per post"
        )
        good = found.good
        searched = 0
        sample = connection.execute(
            "SELECT p.text, c.name, p.message_id FROM posts p JOIN channels c ON c.id = p.channel_id "
            "WHERE length(p.text) > 60 ORDER BY p.id LIMIT -1 OFFSET 17"
        ).fetchall()
        connection.close()
        for text, name, message_id in sample[:: max(1, len(sample) // 40)]:
            words = re.findall(r"[\w'’-]+", text)[:6]
            asked = self.stage.command("search", "--json", "--limit", "1000", "--channel", name, f'"{" ".join(words)}"')
            answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
            hits = {hit["message_id"] for line in answer.splitlines() for hit in _hits(line)}
            searched += 1
            if message_id not in hits:
                print(f"  not found by search: {name}/{message_id} {words}")
                good = False
        print(f"{searched} posts looked for by their first words: {'all found' if good else 'see above'}")
        if self.dc.crashes:
            print(f"the simulator crashed: {self.dc.crashes[:3]}")
            good = False
        return good


def _hits(line: str) -> list[dict[str, Any]]:
    value = json.loads(line)
    return value if isinstance(value, list) else value.get("hits", [value])


def main() -> None:
    """Rehearse from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("posts", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--paced", action="store_true", help="with the careful pacing of real life")
    parser.add_argument("--folder", type=Path, default=Path("rehearse-run"))
    asked = parser.parse_args()
    if not asked.posts.exists():
        raise SystemExit(f"{asked.posts} is not there; name a JSON-lines file with channel, message_id, date and text")
    folder = asked.folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(
        f"{asked.posts.name}, {'paced' if asked.paced else 'pacing off'}, {datetime.now().astimezone():%Y-%m-%d %H:%M}"
    )
    good = asyncio.run(Rehearsal(folder, asked.posts, paced=asked.paced).run())
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
