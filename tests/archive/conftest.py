"""An archive in a temporary folder, and posts of our own wording."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from channelwatch.archive import channels, ledger
from channelwatch.archive.file import Archive
from channelwatch.archive.migrations import migrations
from channelwatch.archive.writer import Writer
from channelwatch.post import ChannelInfo, Post

NOW = datetime(2023, 5, 22, 9, 0, tzinfo=UTC)
LEGION = ChannelInfo(id=1001, access_hash=7, name="legion", title="Legion", joined=True)
BAZA = ChannelInfo(id=1002, access_hash=8, name="baza", title="Baza", joined=False)


def a_post(message_id: int, text: str = "", channel_id: int = 1001, **more: Any) -> Post:
    """Make a post, one second younger per id."""
    values: dict[str, Any] = {
        "channel_id": channel_id,
        "message_id": message_id,
        "date": NOW + timedelta(seconds=message_id),
        "text": text or f"post number {message_id}",
        "raw": f"raw {message_id} {text}".encode(),
    }
    return Post(**values | more)


def in_memory() -> sqlite3.Connection:
    """Make an archive that lives in memory, with the two channels watched from id 100; for many quick examples."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.apply(Database(connection, execute_plugins=False))
    connection.execute("PRAGMA foreign_keys = ON")
    for info in (LEGION, BAZA):
        channels.upsert(connection, info, None, NOW)
        ledger.begin(connection, info.id, 100, NOW)
    return connection


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data" / "channelwatch.db")


@pytest.fixture
def writer(archive: Archive) -> Iterator[Writer]:
    """A writer over an archive with two channels; the first is watched from id 100."""
    with archive.open_writer() as writer:
        writer.run_sync(channels.upsert, LEGION, None, NOW)
        writer.run_sync(channels.upsert, BAZA, None, NOW)
        writer.run_sync(ledger.begin, LEGION.id, 100, NOW)
        yield writer
