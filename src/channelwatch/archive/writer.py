"""The one writer: a thread with the only writing connection, fed by a queue."""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import structlog

from channelwatch.archive.file import translated
from channelwatch.clock import Clock, SystemClock, iso
from channelwatch.errors import ArchiveBusy, ArchiveError

P = ParamSpec("P")
R = TypeVar("R")

_BATCH_SECONDS = 0.05
"""No further call joins a transaction that has worked this long: nobody waits longer for a commit."""


class _Call(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    future: "Future[Any]"


class Trouble(NamedTuple):
    """Why nothing can be stored just now, and since when."""

    reason: str
    since: datetime

    def __str__(self) -> str:
        """Give one sentence."""
        return f"nothing can be stored: {self.reason} (since {iso(self.since)})"


class Writer:
    """Runs functions on the writing connection, one after another, each all-or-nothing.

    Calls that wait together share one transaction, each in a savepoint of its own; a call returns only after its
    commit. When the file is locked, the disk full or failing, the callers get ArchiveBusy, nothing of theirs is
    kept, and the writer goes on with the next call.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | None = None, *, clock: Clock | None = None) -> None:
        """Take over `connection` (autocommit mode, may be used from another thread) and start the thread."""
        self.trouble: Trouble | None = None
        """Why the last transaction failed; None again once one that changed something was committed."""
        self._clock = clock or SystemClock()
        self.on_commit: list[Callable[[], object]] = []
        """Called on the writer's thread after each commit that changed something; must be quick."""
        self._connection = connection
        self._path = path
        self._file = None if path is None else _identity(path)
        self._queue: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()  # None = close
        self._door = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._live, name="archive-writer", daemon=True)
        self._thread.start()

    async def run(self, fn: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``fn(connection, *args)`` in a transaction on the writer's thread; return its value once committed.

        `fn` never commits. Its own exception rolls back this call alone and is raised here. A caller that is
        cancelled while `fn` runs can't know whether it was committed.
        """
        return await asyncio.wrap_future(self._submit(lambda connection: fn(connection, *args, **kwargs)))

    def run_sync(self, fn: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do the same and block; never call it on the event loop's thread or inside a call of the writer."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a call of the writer would wait for itself; call the function directly")
        return self._submit(lambda connection: fn(connection, *args, **kwargs)).result()

    def close(self) -> None:
        """Finish everything queued, then close the connection; calling again does nothing."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def moved(self) -> bool:
        """Tell whether the file was deleted, or another now lies at its path: what is written is not found there."""
        try:
            return self._path is not None and _identity(self._path) != self._file
        except OSError:  # it can't be looked at just now, which says nothing
            return False

    def __enter__(self) -> "Writer":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _submit(self, work: Callable[[sqlite3.Connection], R]) -> "Future[R]":
        future: Future[R] = Future()
        with self._door:
            if self._closed:
                raise ArchiveError("the archive is closed")
            self._queue.put(_Call(work, future))
        return future

    def _live(self) -> None:
        going = True
        while going:
            call = self._queue.get()
            going = call is not None and self._batch(call)
        if self.moved():
            # SQLite leaves its -wal behind then; the next to open the path would read it into a stranger's file.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _batch(self, first: _Call) -> bool:
        """Run `first` and whatever else waits in one transaction; return False when asked to stop."""
        connection = self._connection
        until = time.monotonic() + _BATCH_SECONDS
        done: list[tuple[Future[Any], Any]] = []
        call: _Call | None = first
        going = True
        try:
            before = connection.total_changes
            connection.execute("BEGIN IMMEDIATE")
            while call is not None:
                if call.future.set_running_or_notify_cancel():
                    self._one(call, done)
                call = None
                if time.monotonic() < until:
                    with suppress(queue.Empty):
                        call = self._queue.get_nowait()
                        going = call is not None
            connection.execute("COMMIT")
        except Exception as error:  # whatever it is: with this thread, everybody would wait for ever
            problem = translated(error, self._path)
            with suppress(sqlite3.Error):
                connection.rollback()
            since = self.trouble.since if self.trouble is not None else self._clock.now()
            self.trouble = Trouble(str(problem), since)
            for future, _ in done:
                future.set_exception(problem)
            if call is not None and not call.future.done():  # BEGIN failed: it never ran
                self._refuse(call, problem)
                return self._refuse_waiting(problem)
            return going
        changed = connection.total_changes != before
        if changed:  # a full disk lets those that change nothing through
            self.trouble = None
        for future, value in done:
            future.set_result(value)
        if changed:
            self._tell()
        return going

    def _one(self, call: _Call, done: list[tuple["Future[Any]", Any]]) -> None:
        """Run one call in its savepoint; a sqlite3.Error that spoils the others' changes too is raised again."""
        connection = self._connection
        try:
            connection.execute("SAVEPOINT call")
            value = call.work(connection)
            connection.execute("RELEASE call")
        except BaseException as error:
            problem = translated(error, self._path) if isinstance(error, sqlite3.Error) else error
            if isinstance(error, StopIteration):  # asyncio can't hand it over: the caller would wait for ever
                problem = RuntimeError("a call of the writer raised StopIteration")
            call.future.set_exception(problem)
            if isinstance(error, sqlite3.Error) and isinstance(problem, ArchiveBusy):
                raise
            if not connection.in_transaction:
                raise sqlite3.OperationalError("a call ended the shared transaction") from error
            connection.execute("ROLLBACK TO call")
            connection.execute("RELEASE call")
        else:
            done.append((call.future, value))

    def _refuse(self, call: _Call, problem: ArchiveError) -> None:
        if call.future.set_running_or_notify_cancel():
            call.future.set_exception(problem)

    def _refuse_waiting(self, problem: ArchiveError) -> bool:
        """Tell everybody who waits, lest each waits the whole busy timeout in turn; False when asked to stop."""
        with suppress(queue.Empty):
            while (call := self._queue.get_nowait()) is not None:
                self._refuse(call, problem)
            return False
        return True

    def _tell(self) -> None:
        for callback in self.on_commit:
            try:
                callback()
            except Exception:
                structlog.get_logger(__name__).exception("a callback after a commit failed")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file lies at a path, None where none does."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
