"""A process killed at any moment leaves an archive in which everything that was confirmed stands and agrees."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from channelwatch.archive import fts, ledger, posts
from channelwatch.archive.file import Archive, quick_check

CHILD = """
import sys
from channelwatch.archive import channels, ledger, posts
from channelwatch.archive.file import Archive
from tests.archive.conftest import LEGION, NOW, a_post
from pathlib import Path

writer = Archive(Path(sys.argv[1])).open_writer()
writer.run_sync(channels.upsert, LEGION, None, NOW)
writer.run_sync(ledger.begin, LEGION.id, 0, NOW)

def page(connection, mark):
    ids = [i for i in range(mark + 1, mark + 21) if i % 7]
    posts.store(connection, [a_post(i, f"тревога {i} " * 20) for i in ids], "sweep", NOW)
    posts.store(connection, [a_post(i, f"отбой {i}", edited=NOW) for i in ids[:3]], "push", NOW)
    ledger.advance(connection, LEGION.id, ids[-1], NOW)
    return ids[-1]

mark = writer.run_sync(lambda c: c.execute("SELECT mark FROM channels").fetchone()[0])
print(mark, flush=True)
while True:
    mark = writer.run_sync(page, mark)
    print(mark, flush=True)
"""


def test_killed_at_any_moment_nothing_confirmed_is_lost_and_all_agrees(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    path = tmp_path / "data" / "a.db"
    chance = random.Random(5)
    confirmed = 0
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": f"{root}/src:{root}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first, "the archive did not open again"
        assert int(first) >= confirmed
        time.sleep(chance.uniform(0.0, 0.25))
        child.send_signal(signal.SIGKILL)
        confirmed = max([int(line) for line in child.stdout.read().splitlines() if line] + [int(first)])
        child.wait()
        child.stdout.close()
        with closing(Archive(path).reader()) as reader:
            quick_check(reader)
            (account,) = ledger.balance(reader)
            assert account.holds
            assert account.mark >= confirmed
            assert posts.verify_chain(reader) is None
    assert confirmed > 0
    with Archive(path).open_writer(check=True) as writer:
        assert writer.run_sync(fts.check)
