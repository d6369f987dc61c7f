"""Channels as rows: who they are now, who they were, and how a person's words find one."""

import re
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from channelwatch.archive import ledger
from channelwatch.clock import iso
from channelwatch.config.channel_names import channel_key
from channelwatch.post import ChannelInfo

if TYPE_CHECKING:
    from channelwatch.config.model import ChannelConfig

ChannelState = Literal["active", "removed", "gone", "imported"]


class Channel(msgspec.Struct, frozen=True):
    """One row of ``channels``; times are ISO text."""

    id: int
    access_hash: int
    name: str | None
    title: str
    alias: str | None
    home: tuple[str, ...]
    tags: tuple[str, ...]
    group: str | None
    state: ChannelState
    joined: bool
    start: int | None
    """The promise covers ids above it; None = never watched."""
    mark: int | None
    top: int | None
    dirty: bool
    next_sweep: str | None
    last_sweep: str | None

    @property
    def label(self) -> str:
        """How people know it: alias, else name, else title."""
        return self.alias or self.name or self.title

    @property
    def info(self) -> ChannelInfo:
        """What the line needs to ask for it."""
        return ChannelInfo(self.id, self.access_hash, self.name, self.title, self.joined)


_FIELDS = """
    id, access_hash, name, title, alias, home, tags, source_group, state, joined,
    start, mark, top, dirty, next_sweep, last_sweep
"""


def _channel(row: tuple[object, ...]) -> Channel:
    values = dict(zip(Channel.__struct_fields__, row, strict=True))
    values["home"] = msgspec.json.decode(str(values["home"]))
    values["tags"] = msgspec.json.decode(str(values["tags"]))
    return msgspec.convert(values, Channel, strict=False)


def every(connection: sqlite3.Connection, state: ChannelState | None = None) -> list[Channel]:
    """Return all channels (of one state), by id."""
    rows = connection.execute(f"SELECT {_FIELDS} FROM channels WHERE ?1 IS NULL OR state = ?1 ORDER BY id", (state,))
    return [_channel(row) for row in rows]


def get(connection: sqlite3.Connection, channel_id: int) -> Channel | None:
    """Return the channel with this id, or None."""
    row = connection.execute(f"SELECT {_FIELDS} FROM channels WHERE id = ?", (channel_id,)).fetchone()
    return None if row is None else _channel(row)


def find(connection: sqlite3.Connection, written: str) -> Channel | None:
    """Return the channel that a person means, or None.

    Tried in order: id (``-100…``, ``t.me/c/…``), current name (watched before imported), alias, the name it had
    last among past names, title. Upper and lower case are the same.
    """
    try:
        key: str | int = channel_key(written)
    except ValueError:
        key = written.strip().removeprefix("@")
    if isinstance(key, str) and re.fullmatch(r"-?\d{1,18}", key):
        key = int(key)  # as our own output shows it
    if isinstance(key, int):
        return get(connection, key)
    folded = key.casefold()
    known = sorted(every(connection), key=lambda channel: channel.state != "active")
    for field in ("name", "alias"):
        for channel in known:
            value = getattr(channel, field)
            if value is not None and value.casefold() in {folded, written.strip().casefold()}:
                return channel
    row = connection.execute(
        "SELECT channel_id FROM channel_names WHERE name = ? COLLATE NOCASE ORDER BY since DESC LIMIT 1", (key,)
    ).fetchone()
    if row is not None:
        return get(connection, row[0])
    return next((channel for channel in known if channel.title.casefold() == written.strip().casefold()), None)


def past_names(connection: sqlite3.Connection) -> dict[int, tuple[str, ...]]:
    """Return the names that channels no longer have, by channel id, oldest first."""
    found: dict[int, tuple[str, ...]] = {}
    for channel_id, name in connection.execute(
        """
        SELECT DISTINCT n.channel_id, n.name FROM channel_names n JOIN channels c ON c.id = n.channel_id
        WHERE n.name IS NOT NULL AND n.name IS NOT c.name ORDER BY n.since
        """
    ):
        found[channel_id] = (*found.get(channel_id, ()), name)
    return found


def upsert(connection: sqlite3.Connection, info: ChannelInfo, config: "ChannelConfig | None", now: datetime) -> Channel:
    """Add a channel or bring it up to date; a changed name or title ends one dated name and begins another.

    With `config` the channel is active and gets its alias, home, tags and group; without it those and its state stay
    (a rename seen in passing). A name that another channel held is taken from that one. What was imported under
    the name, before Telegram told us the id, becomes this channel's.
    """
    before = get(connection, info.id)
    if info.name is not None:
        _free_name(connection, info, now)
    connection.execute(
        """
        INSERT INTO channels (id, access_hash, name, title, joined, added_at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            access_hash = excluded.access_hash, name = excluded.name, title = excluded.title, joined = excluded.joined
        """,
        (info.id, info.access_hash, info.name, info.title, info.joined, iso(now)),
    )
    if config is not None:
        connection.execute(
            "UPDATE channels SET state = 'active', alias = ?, home = ?, tags = ?, source_group = ? WHERE id = ?",
            (config.alias, _json(config.home), _json(config.tags), config.group, info.id),
        )
    if before is None or (before.name, before.title) != (info.name, info.title):
        _date_name(connection, info.id, info.name, info.title, now)
    if info.name is not None:
        _adopt_imported(connection, info, now)
    channel = get(connection, info.id)
    assert channel is not None  # noqa: S101 - just written
    return channel


def set_state(connection: sqlite3.Connection, channel_id: int, state: ChannelState) -> None:
    """Change a channel's state; its posts, ledger and names stay."""
    connection.execute("UPDATE channels SET state = ? WHERE id = ?", (state, channel_id))


def imported_id(label: str) -> int:
    """Return the stable id below zero of a channel that is known by an imported label alone."""
    import hashlib  # 2 ms that reading commands can do without

    return -1 - int.from_bytes(hashlib.sha256(label.casefold().encode()).digest()[:6])


def for_import(connection: sqlite3.Connection, label: str, now: datetime) -> int:
    """Return the id of the channel that an imported post's `label` means, adding an imported one when unknown.

    An unknown label (a name, or any word) gets an id below zero, made of the label alone; an unknown Telegram id keeps
    its own. A public name given later to a watched channel brings the imported posts over (see `upsert`).
    """
    if (channel := find(connection, label)) is not None:
        return channel.id
    try:
        key: str | int | None = channel_key(label)
    except ValueError:
        key = None
    name = key if isinstance(key, str) else None
    channel_id = key if isinstance(key, int) else imported_id(name or label.strip())
    title = name or label.strip()
    if get(connection, channel_id) is not None:
        return channel_id
    connection.execute(
        """
        INSERT INTO channels (id, access_hash, name, title, state, dirty, added_at)
        VALUES (?, 0, ?, ?, 'imported', 0, ?)
        """,
        (channel_id, name, title, iso(now)),
    )
    _date_name(connection, channel_id, name, title, now)
    return channel_id


def _free_name(connection: sqlite3.Connection, info: ChannelInfo, now: datetime) -> None:
    """Take the name from whichever other channel of Telegram's still seems to hold it."""
    for other, title in connection.execute(
        "SELECT id, title FROM channels WHERE name = ? COLLATE NOCASE AND id != ? AND id > 0", (info.name, info.id)
    ).fetchall():
        connection.execute("UPDATE channels SET name = NULL WHERE id = ?", (other,))
        _date_name(connection, other, None, title, now)


def _date_name(connection: sqlite3.Connection, channel_id: int, name: str | None, title: str, now: datetime) -> None:
    moment = iso(now)
    connection.execute(
        "UPDATE channel_names SET until = ? WHERE channel_id = ? AND until IS NULL", (moment, channel_id)
    )
    connection.execute(
        """
        INSERT INTO channel_names (channel_id, name, title, since) VALUES (?, ?, ?, ?)
        ON CONFLICT (channel_id, since) DO UPDATE SET name = excluded.name, title = excluded.title, until = NULL
        """,
        (channel_id, name, title, moment),
    )


def _adopt_imported(connection: sqlite3.Connection, info: ChannelInfo, now: datetime) -> None:
    """Move what was imported under this name to the channel; posts that it already has stay where they are."""
    row = connection.execute(
        "SELECT id FROM channels WHERE id < 0 AND state = 'imported' AND name = ? COLLATE NOCASE", (info.name,)
    ).fetchone()
    if row is None:
        return
    old = row[0]
    moved = connection.execute(
        "UPDATE OR IGNORE posts SET channel_id = ? WHERE channel_id = ? RETURNING message_id", (info.id, old)
    ).fetchall()
    ledger.take_out(connection, info.id, [message_id for (message_id,) in moved])
    connection.execute(  # the chain was hashed with the old id; verify_chain needs to know
        "INSERT OR IGNORE INTO merged_channels (old_id, channel_id, merged_at) VALUES (?, ?, ?)",
        (old, info.id, iso(now)),
    )
    if connection.execute("SELECT 1 FROM posts WHERE channel_id = ? LIMIT 1", (old,)).fetchone() is None:
        connection.execute("DELETE FROM channel_names WHERE channel_id = ?", (old,))
        connection.execute("DELETE FROM channels WHERE id = ?", (old,))


def _json(values: tuple[str, ...]) -> str:
    return msgspec.json.encode(values).decode()
