"""How fast posts go into the archive: ours, a sqlite-utils peer, and the limit of writing the text.

    python benchmarks/ingest.py [POSTS.jsonl] [ROUNDS]

Batches of 100 posts, one commit each, into fresh files; the contestants take turns within each round, and every figure
is posts per CPU-second (all threads of the process), median over rounds. The ratios are what to watch; a busy machine
moves the rates.

* ours: `archive.posts.store` through the writer: upsert, revision with zlib'ed raw bytes and chained SHA-256, work row,
  folded words into FTS5, synchronous=FULL. Decoding Telegram's bytes is not in it.
* ours, live: the same, ten posts to a commit.
* peer: sqlite-utils ``insert_all`` of the same columns into a table with ``enable_fts(create_triggers=True)``; no
  revisions, no raw bytes, no folding, synchronous=NORMAL.
* limit: the text alone, written and fsynced per batch.
"""

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from channelwatch.archive import channels, ledger
from channelwatch.archive.file import Archive
from channelwatch.archive.posts import store
from channelwatch.clock import from_iso
from channelwatch.post import ChannelInfo, Post

POSTS = Path(__file__).parents[2] / "shared" / "data" / "posts.jsonl"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read(path: Path) -> list[Post]:
    """Read the posts in order of date, with raw bytes of about the size and entropy of a real message's."""
    noise = random.Random(1)
    with path.open(encoding="utf-8") as lines:
        rows = sorted((json.loads(line) for line in lines), key=lambda row: row["date"])
    return [
        Post(
            channel_id=1,
            message_id=number,
            date=from_iso(row["date"]),
            text=row["text"],
            views=row["views"],
            forwards=row["forwards"],
            raw=row["text"].encode() + noise.randbytes(40) + bytes(100),
        )
        for number, row in enumerate(rows, 1)
    ]


def batches(posts: list[Post], size: int = 100) -> list[list[Post]]:
    """Cut the posts into batches."""
    return [posts[start : start + size] for start in range(0, len(posts), size)]


def ours(posts: list[Post], folder: Path, size: int = 100) -> float:
    """Store them as a backfill does; return CPU seconds."""
    with Archive(folder / "ours.db").open_writer() as writer:
        writer.run_sync(channels.upsert, ChannelInfo(1, 1, "bench", "Bench", joined=True), None, NOW)
        writer.run_sync(ledger.begin, 1, 0, NOW)
        before = time.process_time()
        for batch in batches(posts, size):
            writer.run_sync(store, batch, "backfill", NOW)
        return time.process_time() - before


def peer(posts: list[Post], folder: Path) -> float:
    """Store them as a sqlite-utils program would; return CPU seconds."""
    with closing(Database(folder / "peer.db", execute_plugins=False)) as db:
        db.enable_wal()
        db.execute("PRAGMA synchronous = NORMAL")
        table = db["posts"]
        row = {"id": 0, "channel_id": 0, "message_id": 0, "date": "", "text": "", "views": 0, "forwards": 0}
        table.create({name: type(value) for name, value in row.items()}, pk="id")
        table.enable_fts(["text"], create_triggers=True, tokenize="unicode61 remove_diacritics 0")
        before = time.process_time()
        for batch in batches(posts):
            table.insert_all(
                {
                    "id": post.message_id,
                    "channel_id": post.channel_id,
                    "message_id": post.message_id,
                    "date": post.date.isoformat(),
                    "text": post.text,
                    "views": post.views,
                    "forwards": post.forwards,
                }
                for post in batch
            )
        return time.process_time() - before


def limit(posts: list[Post], folder: Path) -> float:
    """Write the text alone; return CPU seconds."""
    before = time.process_time()
    with (folder / "limit.txt").open("wb", buffering=0) as file:
        for batch in batches(posts):
            file.write("".join(post.text for post in batch).encode())
            os.fdatasync(file.fileno())
    return time.process_time() - before


def main() -> None:
    """Print rates and ratios."""
    posts = read(Path(sys.argv[1]) if len(sys.argv) > 1 else POSTS)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    contestants: dict[str, Callable[[list[Post], Path], float]] = {
        "ours": ours,
        "ours, live": lambda posts, folder: ours(posts[: len(posts) // 5], folder, size=10) * 5,
        "peer": peer,
        "limit": limit,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    size = 0
    for _ in range(rounds):
        for name, run in contestants.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds[name].append(run(posts, Path(folder)))
                if name == "ours":
                    size = (Path(folder) / "ours.db").stat().st_size
    mean = statistics.mean(len(post.text) for post in posts)
    print(f"{len(posts)} posts of {mean:.0f} characters on average; {size / len(posts):.0f} bytes a post on disk")
    for name, values in seconds.items():
        print(f"{name:<12} {len(posts) / statistics.median(values):10,.0f} posts per CPU-second")
    for name in ("peer", "limit"):
        ratios = [theirs / own for theirs, own in zip(seconds[name], seconds["ours"], strict=True)]
        print(f"ours / {name}: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
