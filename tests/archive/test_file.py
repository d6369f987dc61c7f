"""The archive file: its settings, who may read it, and what is refused."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from channelwatch.archive import file as archive_file
from channelwatch.archive.file import APPLICATION_ID, STEPS, Archive, library_warning, quick_check
from channelwatch.archive.migrations import migrations
from channelwatch.errors import ArchiveBusy, ArchiveError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_archive_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "data" / "channelwatch.db"
        with Archive(path).open_writer() as writer:
            writer.run_sync(lambda c: c.execute("INSERT INTO settings VALUES ('a', 'b')"))
            assert mode(path.parent) == 0o700
            assert {name.name: mode(name) for name in path.parent.iterdir()} == {
                "channelwatch.db": 0o600,
                "channelwatch.db-wal": 0o600,
                "channelwatch.db-shm": 0o600,
            }
    finally:
        os.umask(before)


def test_a_file_that_others_may_read_is_tightened(archive: Archive) -> None:
    archive.open_writer().close()
    archive.path.chmod(0o644)
    archive.open_writer().close()
    assert mode(archive.path) == 0o600


def test_the_settings_are_those_of_the_design(archive: Archive) -> None:
    def pragma(connection: sqlite3.Connection, name: str) -> object:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    with archive.open_writer() as writer:
        found = {
            name: writer.run_sync(pragma, name)
            for name in (
                "application_id",
                "auto_vacuum",
                "busy_timeout",
                "foreign_keys",
                "journal_mode",
                "journal_size_limit",
                "mmap_size",
                "synchronous",
                "trusted_schema",
            )
        }
    assert found == {
        "application_id": APPLICATION_ID,
        "auto_vacuum": 2,
        "busy_timeout": 10000,
        "foreign_keys": 1,
        "journal_mode": "wal",
        "journal_size_limit": 64 * 2**20,
        "mmap_size": 0,
        "synchronous": 2,
        "trusted_schema": 0,
    }


def test_the_step_names_known_without_sqlite_utils_are_those_of_the_migrations() -> None:
    assert list(STEPS) == [step.name for step in migrations._migrations]


def test_a_reader_can_not_write(archive: Archive) -> None:
    archive.open_writer().close()
    with closing(archive.reader()) as reader, pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
        reader.execute("INSERT INTO settings VALUES ('a', 'b')")


def test_reading_needs_an_archive_and_makes_none(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="there is no archive"):
        archive.reader()
    assert not archive.path.exists()


@pytest.mark.parametrize("content", [b"not a database at all, just some text that is long enough" * 20, b"x"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(archive: Archive, content: bytes) -> None:
    archive.path.parent.mkdir()
    archive.path.write_bytes(content)
    for opening in (archive.open_writer, archive.reader):
        with pytest.raises(ArchiveError, match=r"not a (channelwatch archive|database)"):
            opening()
    assert archive.path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(archive: Archive) -> None:
    archive.path.parent.mkdir()
    with closing(sqlite3.connect(archive.path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = archive.path.read_bytes()
    for opening in (archive.open_writer, archive.reader):
        with pytest.raises(ArchiveError, match="not a channelwatch archive"):
            opening()
    assert archive.path.read_bytes() == before


def test_a_newer_archive_is_refused(archive: Archive) -> None:
    archive.open_writer().close()
    with closing(sqlite3.connect(archive.path, isolation_level=None)) as other:
        other.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('channelwatch', 'later', 'now')"
        )
    for opening in (archive.open_writer, archive.reader):
        with pytest.raises(ArchiveError, match=r"newer channelwatch.*upgrade"):
            opening()


def test_a_half_made_file_is_finished(archive: Archive) -> None:
    archive._create()
    with pytest.raises(ArchiveError, match="older channelwatch"):
        archive.reader()
    archive.open_writer().close()
    with closing(archive.reader()) as reader:
        assert reader.execute("SELECT count(*) FROM posts").fetchone() == (0,)


def test_an_upgrade_keeps_a_private_copy_of_what_was_there(archive: Archive) -> None:
    with archive.open_writer() as writer:
        writer.run_sync(lambda c: c.execute("INSERT INTO settings VALUES ('a', 'b')"))
    archive_file._migrate(archive.path, fresh=False)
    copy = archive.path.with_name("channelwatch.db.before-upgrade")
    assert mode(copy) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT value FROM settings WHERE name = 'a'").fetchone() == ("b",)


def test_damage_is_found_when_asked_for(archive: Archive) -> None:
    with archive.open_writer() as writer:
        writer.run_sync(
            lambda c: c.executemany("INSERT INTO settings VALUES (?, ?)", [(str(i), "x" * 500) for i in range(500)])
        )
    archive.open_writer(check=True).close()
    content = bytearray(archive.path.read_bytes())
    middle = len(content) // 2 // 8192 * 8192
    content[middle : middle + 8192] = b"\xa5" * 8192
    archive.path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"damaged|malformed"):
        archive.open_writer(check=True)


def test_a_sound_file_passes_the_check(archive: Archive) -> None:
    archive.open_writer().close()
    with closing(archive.reader()) as reader:
        quick_check(reader)


def test_a_file_that_another_program_holds_is_busy_not_broken(archive: Archive) -> None:
    archive.open_writer().close()
    with closing(sqlite3.connect(archive.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(archive_file._connect(archive.path, "rw")) as impatient:
            impatient.execute("PRAGMA busy_timeout = 0")
            with pytest.raises(sqlite3.OperationalError) as caught:
                impatient.execute("BEGIN IMMEDIATE")
    problem = archive_file.translated(caught.value)
    assert isinstance(problem, ArchiveBusy)
    assert not problem.permanent


def test_old_sqlite_libraries_are_warned_of() -> None:
    assert "3.40.1 has the WAL-reset bug" in (library_warning((3, 40, 1)) or "")
    assert library_warning((3, 51, 3)) is None


def test_an_archive_moved_with_its_folder_still_opens(archive: Archive, tmp_path: Path) -> None:
    archive.open_writer().close()
    shutil.move(archive.path.parent, tmp_path / "else where?#%")
    moved = Archive(tmp_path / "else where?#%" / "channelwatch.db")
    moved.reader().close()
    moved.open_writer().close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere, so nothing is read-only for it")
def test_an_archive_on_a_read_only_medium_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "medium"
    Archive(folder / "a.db").open_writer().close()
    folder.chmod(0o500)
    try:
        with closing(Archive(folder / "a.db").reader()) as reader:
            assert reader.execute("SELECT count(*) FROM posts").fetchone() == (0,)
    finally:
        folder.chmod(0o700)
