"""The one writer: who shares a commit, who is undone, and what it survives."""

import asyncio
import resource
import sqlite3
import threading
from contextlib import closing

import pytest

from channelwatch.archive.file import Archive
from channelwatch.archive.writer import Writer
from channelwatch.errors import ArchiveBusy, ArchiveError


def put(connection: sqlite3.Connection, name: str, value: str = "") -> str:
    connection.execute("INSERT INTO settings VALUES (?, ?)", (name, value))
    return name


def names(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM settings")} - {"fold_version"}


def put_and_fail(connection: sqlite3.Connection, name: str) -> None:
    put(connection, name)
    raise LookupError(name)


async def test_a_call_returns_its_value_once_committed(archive: Archive, writer: Writer) -> None:
    assert await writer.run(put, "a") == "a"
    with closing(archive.reader()) as reader:
        assert names(reader) == {"a"}


async def test_an_error_undoes_one_call_alone(writer: Writer) -> None:
    gate = threading.Event()
    first = asyncio.ensure_future(writer.run(lambda c: (put(c, "first"), gate.wait(10))))
    rest = [asyncio.ensure_future(writer.run(fn, name)) for fn, name in ((put, "a"), (put_and_fail, "b"), (put, "c"))]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(first, *rest, return_exceptions=True)
    assert isinstance(results[2], LookupError)
    assert await writer.run(names) == {"first", "a", "c"}


async def test_calls_that_wait_together_share_a_commit(writer: Writer) -> None:
    commits: list[int] = []
    writer.on_commit.append(lambda: commits.append(1))
    gate = threading.Event()
    blocked = asyncio.ensure_future(writer.run(lambda c: gate.wait(10)))
    waiting = [asyncio.ensure_future(writer.run(put, f"n{i}")) for i in range(20)]
    await asyncio.sleep(0.1)  # longer than a batch may work: the twenty are left to the next one
    gate.set()
    await asyncio.gather(blocked, *waiting)
    assert commits == [1]


async def test_a_call_that_changes_nothing_tells_nobody(writer: Writer) -> None:
    told: list[int] = []
    writer.on_commit.append(lambda: told.append(1))
    await writer.run(names)
    assert told == []


async def test_a_failing_callback_does_not_stop_the_writer(writer: Writer) -> None:
    writer.on_commit.append(lambda: 1 / 0)
    await writer.run(put, "a")
    assert await writer.run(put, "b") == "b"


async def test_a_call_cancelled_while_it_waits_never_runs(writer: Writer) -> None:
    gate = threading.Event()
    blocked = asyncio.ensure_future(writer.run(lambda c: gate.wait(10)))
    waiting = asyncio.ensure_future(writer.run(put, "never"))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.sleep(0)
    gate.set()
    await blocked
    assert await writer.run(names) == set()


async def test_another_programs_lock_is_busy_for_everybody_who_waits_and_passes(
    archive: Archive, writer: Writer
) -> None:
    await writer.run(lambda c: c.execute("SELECT 1") and None)
    writer._connection.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(archive.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(writer.run(put, "a"), writer.run(put, "b"), return_exceptions=True)
        assert [type(result) for result in results] == [ArchiveBusy, ArchiveBusy]
        assert all("another program" in str(result) for result in results)
        other.execute("ROLLBACK")
    assert await writer.run(put, "c") == "c"
    assert await writer.run(names) == {"c"}


async def test_a_full_disk_is_busy_and_leaves_what_was_there(writer: Writer) -> None:
    await writer.run(put, "before")
    pages = await writer.run(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await writer.run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    gate = threading.Event()
    blocked = asyncio.ensure_future(writer.run(lambda c: gate.wait(10)))
    small = asyncio.ensure_future(writer.run(put, "small"))
    large = asyncio.ensure_future(writer.run(put, "large", "x" * 200_000))
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(small, large, return_exceptions=True)
    await asyncio.gather(blocked, return_exceptions=True)
    assert isinstance(results[1], ArchiveBusy)
    assert "disk" in str(results[1])
    assert writer.trouble is not None
    assert "free some disk space" in writer.trouble.reason
    since = writer.trouble.since
    await writer.run(names)
    with pytest.raises(ArchiveBusy):
        await writer.run(put, "large", "x" * 200_000)
    assert writer.trouble.since == since, "a call that changes nothing proves nothing"
    await writer.run(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    kept = await writer.run(names)
    assert "before" in kept
    assert "large" not in kept
    assert ("small" in kept) == (results[0] == "small"), "a caller that was told of success has its row"
    assert await writer.run(put, "after") == "after"
    assert writer.trouble is None


async def test_a_write_error_of_the_disk_is_busy(writer: Writer) -> None:
    await writer.run(put, "before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = 512 * 1024
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(ArchiveBusy):
            await writer.run(put, "large", "x" * 4_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await writer.run(put, "after") == "after"
    assert await writer.run(names) == {"before", "after"}


async def test_a_constraint_is_our_error_not_sqlites(writer: Writer) -> None:
    await writer.run(put, "a")
    with pytest.raises(ArchiveError, match="UNIQUE"):
        await writer.run(put, "a")


async def test_a_call_that_commits_by_itself_is_told_off(writer: Writer) -> None:
    with pytest.raises(Exception, match=r".+"):
        await writer.run(lambda c: c.execute("COMMIT") and None)
    assert await writer.run(put, "after") == "after"


def test_closing_finishes_what_is_queued_and_refuses_more(archive: Archive) -> None:
    writer = archive.open_writer()
    gate = threading.Event()
    first = writer._submit(lambda c: gate.wait(10))
    later = [writer._submit(lambda c, i=i: put(c, f"n{i}")) for i in range(5)]
    gate.set()
    writer.close()
    writer.close()
    assert [first.result(), *(one.result() for one in later)] == [True, "n0", "n1", "n2", "n3", "n4"]
    with pytest.raises(ArchiveError, match="closed"):
        writer.run_sync(put, "late")
    with closing(archive.reader()) as reader:
        assert len(names(reader)) == 5


def test_a_call_inside_a_call_is_an_error_not_a_deadlock(writer: Writer) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        writer.run_sync(lambda c: writer.run_sync(put, "a"))


async def test_no_failure_of_a_call_leaves_its_caller_waiting(writer: Writer) -> None:
    def stop(_: sqlite3.Connection) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(writer.run(stop), 5)
    assert await writer.run(put, "after") == "after"


async def test_a_connection_that_is_gone_is_told_to_every_caller(writer: Writer) -> None:
    for _ in range(2):
        with pytest.raises(ArchiveError):
            await asyncio.wait_for(writer.run(lambda connection: connection.close()), 5)
