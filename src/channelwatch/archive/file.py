"""The archive file: made with the right settings, opened by one writer or many readers, refused when it is not ours."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from channelwatch.errors import ArchiveBusy, ArchiveError, ArchiveMissing

if TYPE_CHECKING:
    from channelwatch.archive.writer import Writer

APPLICATION_ID = 0x63686177
"""``chaw`` in the file's header: what makes a SQLite file ours."""

STEPS = ("first",)
"""Names of the migrations in ``migrations.py``, in order; kept here too so that opening needs no sqlite_utils."""

_TRY_AGAIN = {
    sqlite3.SQLITE_BUSY: "another program is writing to it; try again",
    sqlite3.SQLITE_LOCKED: "another program is writing to it; try again",
    sqlite3.SQLITE_FULL: "free some disk space",
    sqlite3.SQLITE_IOERR: "see whether its disk is full or failing, then try again",
}
"""What passes, by SQLite's primary result code, and what to do about it."""
_PAGE_SIZE = 8192
"""Measured: 4096, 8192 and 16384 take the same CPU per post; 8192 gave the smallest file, and small commits."""
_JOURNAL_LIMIT = 64 * 2**20
_COMMON = (
    "PRAGMA busy_timeout = 10000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA mmap_size = 0",  # with the WAL-reset bug, a mapped file is what got corrupted
)


class Archive:
    """One archive file on disk; holds no connection itself.

    The folder is made 0700 when it is absent; the file and its ``-wal`` and ``-shm`` are 0600.
    """

    def __init__(self, path: Path) -> None:
        """`path` is the database file; nothing is touched yet."""
        self.path = Path(path)

    def open_writer(self, *, check: bool = False) -> "Writer":
        """Open for writing, making or upgrading the file when needed; the caller holds the instance lock.

        With `check`, look for damage first (reads the whole file). Raises ArchiveError for a file that is not
        ours, is newer than this program or is damaged, ArchiveBusy when it can't be opened just now.
        """
        from channelwatch.archive.writer import Writer

        try:
            self._create()
            connection = _connect(self.path, "rw")
        except (sqlite3.Error, OSError) as error:
            raise translated(error, self.path) from error
        try:
            pending = self._pending(connection)
            self._tighten()
            if pending:
                _migrate(self.path, fresh=pending == list(STEPS))
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT}")
            _keep_index(connection)
            if check:
                quick_check(connection)
        except (sqlite3.Error, OSError) as error:
            connection.close()
            raise translated(error, self.path) from error
        except BaseException:
            connection.close()
            raise
        return Writer(connection, self.path)

    def reader(self) -> sqlite3.Connection:
        """Open a connection that can only read; it belongs to the calling thread.

        Raises ArchiveError when there is no archive, or it is not ours, too new, or not yet upgraded.
        """
        if not self.path.exists():
            raise ArchiveMissing(f"{self.path}: there is no archive", remedy="run `channelwatch run` or `import` first")
        if self.path.is_dir():
            raise ArchiveError(f"{self.path}: a folder, not an archive", remedy="name the file in it")
        try:
            connection = _connect(self.path, "ro")
        except sqlite3.Error as error:
            if not self._at_rest():
                raise translated(error, self.path) from error
            connection = _connect(self.path, "ro&immutable=1")
        try:
            connection.execute("PRAGMA query_only = ON")
            if self._pending(connection):
                raise ArchiveError(
                    f"{self.path}: not made whole yet, or made by an older channelwatch",
                    remedy="try again in a moment, or start `channelwatch run` once to upgrade it",
                )
        except sqlite3.Error as error:
            connection.close()
            raise translated(error, self.path) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _at_rest(self) -> bool:
        """Tell whether it lies where nobody can write: then it can be read without SQLite's helper files."""
        wal = self.path.with_name(self.path.name + "-wal")
        return not os.access(self.path.parent, os.W_OK) and not (wal.exists() and wal.stat().st_size > 0)

    def _create(self) -> None:
        """Make the folder and an empty file that only we may read, where there is none yet."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if self.path.stat().st_size > 0:
            return
        with closing(_connect(self.path, "rw")) as connection:  # these stick only before the first table
            connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _tighten(self) -> None:
        """Keep others out of a file that is ours (SQLite gives ``-wal`` and ``-shm`` the file's mode)."""
        if self.path.stat().st_mode & 0o077:
            for name in (self.path, *(self.path.with_name(self.path.name + tail) for tail in ("-wal", "-shm"))):
                if name.exists():
                    name.chmod(0o600)

    def _pending(self, connection: sqlite3.Connection) -> list[str]:
        """Return the migrations still to run; raise ArchiveError when the file is foreign or newer."""
        identity = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if identity != APPLICATION_ID:
            raise ArchiveError(
                f"{self.path}: a SQLite file, but not a channelwatch archive", remedy="name another file with --archive"
            )
        applied = []
        if "_sqlite_migrations" in tables:
            rows = connection.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'channelwatch'")
            applied = [name for (name,) in rows]
        if newer := [name for name in applied if name not in STEPS]:
            raise ArchiveError(
                f"{self.path}: made by a newer channelwatch (step {newer[-1]!r})", remedy="upgrade channelwatch"
            )
        return [name for name in STEPS if name not in applied]


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=mode.startswith("ro"))
    try:
        for pragma in _COMMON:
            connection.execute(pragma)
        connection.execute("SELECT count(*) FROM sqlite_master")  # the first real read: is it a database at all?
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(path: Path, *, fresh: bool) -> None:
    """Run the missing steps over a connection of their own; keep a copy of a file that already held posts."""
    from sqlite_utils import Database

    from channelwatch.archive.migrations import migrations

    with closing(sqlite3.connect(path, timeout=10)) as connection:
        if not fresh:
            copy = path.with_name(path.name + ".before-upgrade")
            copy.unlink(missing_ok=True)
            os.close(os.open(copy, os.O_CREAT | os.O_WRONLY, 0o600))
            connection.execute("VACUUM INTO ?", (str(copy),))
        migrations.apply(Database(connection, execute_plugins=False))


def _keep_index(connection: sqlite3.Connection) -> None:
    """Refill the full-text index where it was filled by another version of the analyser."""
    from channelwatch.archive import fts

    connection.execute("BEGIN IMMEDIATE")
    try:
        fts.keep_current(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def quick_check(connection: sqlite3.Connection) -> None:
    """Look for damage in the whole file; raise ArchiveError with SQLite's first finding."""
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise ArchiveError(
            f"the archive is damaged: {finding}",
            remedy="stop, keep the file, run `sqlite3 FILE .recover` into a new one or restore a copy",
        )


def translated(error: Exception, path: Path | None = None) -> ArchiveError:
    """Return our error for one of sqlite3's or the file system's: busy and disk-full can be tried again."""
    where = f"{path}: " if path else ""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _TRY_AGAIN:
        return ArchiveBusy(f"{where}{error}", remedy=_TRY_AGAIN[code], retry_after=1.0)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        remedy = "keep the file as it is; restore a copy or run `sqlite3 FILE .recover` into a new one"
        return ArchiveError(f"{where}{error}", remedy=remedy)
    return ArchiveError(f"{where}{error}")


def library_warning(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """Return why this SQLite library is a risk, or None.

    3.7.0 to 3.51.2 can corrupt a WAL file that two connections write or checkpoint at the same instant (the
    WAL-reset bug, see SQLite's page on WAL); channelwatch has one writing connection, other programs may not.
    """
    if (3, 7, 0) <= version < (3, 51, 3):
        number = ".".join(map(str, version))
        return (
            f"SQLite {number} has the WAL-reset bug (fixed in 3.51.3): "
            "let no other program write to the archive while channelwatch runs"
        )
    return None
