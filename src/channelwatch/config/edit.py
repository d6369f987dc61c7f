"""Adding and removing channels in ``channelwatch.toml``, comments and order kept.

The new text is checked with the whole config before it replaces the old file in one step; a crash leaves the old file
or the new one, never half of one. tomlkit hangs the comments between two ``[[channels]]`` on the upper one; here
everything after an entry's first blank line is taken to speak of what comes next.
"""

import contextlib
import fcntl
import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT, Array, Item, Table, Whitespace
from tomlkit.toml_document import TOMLDocument

from channelwatch.config import read
from channelwatch.config.channel_names import channel_key
from channelwatch.config.model import ChannelConfig
from channelwatch.config.paths import MAIN_FILE
from channelwatch.config.spot import meant
from channelwatch.config.times import written
from channelwatch.errors import ConfigError, Problem, WatchError

_DURATIONS = ("backfill", "max_lag")


def add_channels(folder: Path, entries: Sequence[ChannelConfig]) -> list[ChannelConfig]:
    """Write the entries behind the ones that are there and return those that are new (by name or id).

    Raises ConfigError, and writes nothing, when the config would not load with them or did not load before.
    """
    with _alone(folder):
        present = {channel_key(channel.name) for channel in read.load(folder).channels}
        new = []
        for entry in entries:
            key = _key(entry.name)
            if key not in present:
                present.add(key)
                new.append(entry)
        if new:
            _change(folder, lambda document: _append(document, [_plain(entry) for entry in new]))
    return new


def remove_channel(folder: Path, channel: str) -> ChannelConfig:
    """Take a channel, given by any written form or by its alias, out of the file and return what it was.

    Raises ConfigError, and writes nothing, when there is no such channel or something still speaks of it.
    """
    with _alone(folder):
        channels = read.load(folder).channels
        number = find(channels, channel)
        _change(folder, lambda document: _remove(document, number))
    return channels[number]


def find(channels: Sequence[ChannelConfig], channel: str) -> int:
    """Return the position of a channel given by any written form or by its alias; raises ConfigError for none."""
    try:
        key = channel_key(channel)
    except ValueError:
        key = ""
    for number, entry in enumerate(channels):
        if key == channel_key(entry.name) or channel.casefold() == (entry.alias or "").casefold():
            return number
    known = [name for entry in channels for name in (entry.name, entry.alias) if name]
    raise ConfigError([Problem(MAIN_FILE, "channels", f'no channel is called "{channel}"', meant(channel, known))])


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one edit follow another: each sees what the one before it wrote."""
    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def _key(name: str) -> str | int:
    """Return what the channel is known by; raises ConfigError for what is no channel."""
    try:
        return channel_key(name)
    except ValueError as error:
        raise ConfigError([Problem("", "", str(error))]) from None


def _plain(entry: ChannelConfig) -> dict[str, Any]:
    """Return the keys of an entry as TOML has them: what is default is left out, durations are written."""
    plain: dict[str, Any] = {}
    for name in ChannelConfig.__struct_fields__:
        value = getattr(entry, name)
        if name == "name" or value != getattr(ChannelConfig(name=entry.name), name):
            plain[name] = written(value) if name in _DURATIONS else list(value) if isinstance(value, tuple) else value
    return plain


def _change(folder: Path, change: Callable[[TOMLDocument], None]) -> None:
    """Change the document, check the whole config with it, and replace the file."""
    file = folder / MAIN_FILE
    old = file.read_bytes().decode("utf-8-sig")
    document = tomlkit.parse(old if old.endswith("\n") else old + "\n")
    change(document)
    new = tomlkit.dumps(document)
    _compare(tomllib.loads(old), tomllib.loads(new))
    read.load(folder, instead={MAIN_FILE: new})
    _replace(file, new)


def _compare(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Make sure that the edit touched channels alone, and only added or only removed."""
    before, after = old.pop("channels", []), new.pop("channels", [])
    shorter, longer = sorted((before, after), key=len)
    if old != new or [entry for entry in longer if entry in shorter] != shorter:
        raise WatchError(f"{MAIN_FILE} can't be edited without harm", remedy="edit it by hand")


def _append(document: TOMLDocument, entries: list[dict[str, Any]]) -> None:
    """Add entries behind the last channel, before what introduces the next section."""
    channels = document.get("channels")
    if isinstance(channels, Array) and not isinstance(channels, AoT):
        for entry in entries:
            inline = tomlkit.inline_table()
            inline.update(entry)
            channels.append(inline)
        return
    if not isinstance(channels, AoT):
        channels = tomlkit.aot()
        document.add(tomlkit.nl())
        document.append("channels", channels)
        tail: list[Item] = []
    else:
        last = channels[-1]
        tail = _cut_tail(last)
        last.add(tomlkit.nl())
    for entry in entries:
        table = tomlkit.table()
        for name, value in entry.items():
            table.add(name, value)
        if entry is not entries[-1]:
            table.add(tomlkit.nl())
        channels.append(table)
    channels[-1].value.body.extend((None, item) for item in tail)


def _remove(document: TOMLDocument, number: int) -> None:
    """Take out one entry; the comments that introduce the next thing stay."""
    channels = document["channels"]
    if not isinstance(channels, AoT):
        del channels[number]  # an inline array
        return
    tail = [(None, item) for item in _cut_tail(channels[number])]
    place = next(at for at, (key, _) in enumerate(document.body) if key is not None and key.key == "channels")
    if number > 0:
        del channels[number]
        body = channels[number - 1].value.body
        # the blank line above the removed entry goes with it
        if body and isinstance(body[-1][1], Whitespace) and tail:
            body.pop()
        body.extend(tail)
    elif len(channels) > 1:
        del channels[number]
        document.body[place:place] = tail
    else:
        document.body[place : place + 1] = tail


def _cut_tail(table: Table) -> list[Item]:
    """Cut off and return what follows the table's first blank line after its last key."""
    body = table.value.body
    end = max((at + 1 for at, (key, _) in enumerate(body) if key is not None), default=0)
    while end < len(body) and not isinstance(body[end][1], Whitespace):
        end += 1
    tail = [item for _, item in body[end:]]
    del body[end:]
    return tail


def _replace(file: Path, text: str) -> None:
    """Put a text in place of a file in one step; mode, owner and symbolic link stay."""
    file = file.resolve()
    kept = file.stat()
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with new.open("xb") as out:
            os.fchmod(out.fileno(), kept.st_mode & 0o7777)
            with contextlib.suppress(PermissionError):
                os.fchown(out.fileno(), kept.st_uid, kept.st_gid)
            out.write(text.encode("utf-8"))
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
