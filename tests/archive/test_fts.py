"""The full-text index, ours to fill and check, and how stock tools read the file."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from channelwatch.archive import fts, posts
from channelwatch.archive.file import Archive
from channelwatch.archive.writer import Writer
from channelwatch.text.words import FOLD_VERSION

from .conftest import NOW, a_post


def stock(path: Path) -> closing[sqlite3.Connection]:
    """Open the file as any other program would."""
    return closing(sqlite3.connect(path))


@pytest.fixture
def filled(writer: Writer, archive: Archive) -> Path:
    batch = [a_post(101, "Обстрел Козинки ёлка"), a_post(102, "🚀тревога #Белгород"), a_post(103, "x" * 500)]
    writer.run_sync(posts.store, batch, "push", NOW)
    return archive.path


def test_stock_readers_can_match_and_read_the_views(filled: Path) -> None:
    with stock(filled) as reader:
        found = reader.execute(
            "SELECT url FROM posts_fts JOIN readable_posts ON readable_posts.id = posts_fts.rowid "
            "WHERE posts_fts MATCH 'тревога OR елка' ORDER BY url"
        ).fetchall()
        assert found == [("https://t.me/legion/101",), ("https://t.me/legion/102",)]
        assert reader.execute("SELECT channel, text FROM readable_posts ORDER BY id").fetchone() == (
            "legion",
            "Обстрел Козинки ёлка",
        )
        assert reader.execute("SELECT number, text, came FROM readable_revisions ORDER BY id").fetchone() == (
            1,
            "Обстрел Козинки ёлка",
            "push",
        )
        assert reader.execute("SELECT stored, open_holes FROM ledger").fetchall() == [(0, 0)]


def test_sqlite_utils_makes_sense_of_the_file(filled: Path) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "-m", "sqlite_utils", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert '"table": "posts"' in run("tables", str(filled))
    assert "readable_posts" in run("views", str(filled))
    assert "Обстрел" in run("rows", str(filled), "posts", "--limit", "1")
    assert '"n": 1' in run("query", str(filled), "SELECT count(*) AS n FROM posts_fts WHERE posts_fts MATCH 'козинки'")


def test_a_stock_writer_that_deletes_a_post_is_stopped(filled: Path) -> None:
    with stock(filled) as other:
        other.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            other.execute("DELETE FROM posts WHERE message_id = 101")


def test_the_check_finds_an_index_that_lies(writer: Writer, filled: Path) -> None:
    assert writer.run_sync(fts.check)
    writer.run_sync(lambda c: c.execute("UPDATE posts SET text = 'other words' WHERE message_id = 101") and None)
    assert not writer.run_sync(fts.check)
    assert writer.run_sync(fts.repair)
    assert writer.run_sync(fts.check)
    assert not writer.run_sync(fts.repair)


def test_the_check_finds_a_post_that_was_never_indexed(writer: Writer, filled: Path) -> None:
    writer.run_sync(lambda c: fts.feed(c, [(5, "ghost")]))
    assert not writer.run_sync(fts.check)


def test_a_check_leaves_the_view_for_stock_readers(writer: Writer, filled: Path) -> None:
    writer.run_sync(fts.check)
    with stock(filled) as reader:
        assert reader.execute("SELECT words FROM posts_text ORDER BY id").fetchone() == ("Обстрел Козинки ёлка",)


def test_a_stock_rebuild_unfolds_the_index_and_ours_mends_it(writer: Writer, filled: Path) -> None:
    with stock(filled) as other:
        other.execute("INSERT INTO posts_fts (posts_fts) VALUES ('rebuild')")
        other.commit()
    assert not writer.run_sync(fts.check)
    assert writer.run_sync(fts.rebuild) == 3
    assert writer.run_sync(fts.check)


def test_a_file_filled_by_another_analyser_is_refilled_on_opening(
    writer: Writer, archive: Archive, filled: Path
) -> None:
    def age(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO posts_fts (posts_fts) VALUES ('delete-all')")
        connection.execute("UPDATE settings SET value = '0' WHERE name = 'fold_version'")

    writer.run_sync(age)
    writer.close()
    with archive.open_writer() as again:
        assert again.run_sync(fts.fold_version) == FOLD_VERSION
        assert again.run_sync(fts.check)


def test_a_refill_tells_how_far_it_is(writer: Writer, filled: Path) -> None:
    told: list[int] = []
    writer.run_sync(lambda c: fts.rebuild(c, told.append))
    assert told == [3]
