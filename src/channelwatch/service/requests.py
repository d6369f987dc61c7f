"""What commands ask for that needs the line or the writer: done by the running daemon, or here under the lock.

Each request is one function of the parts it needs; the daemon's socket and the command line call the same one.
"""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from channelwatch.archive import channels, outbox
from channelwatch.archive.file import Archive
from channelwatch.archive.outbox import GivenUp
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock, SystemClock
from channelwatch.config.model import Config, Secrets
from channelwatch.errors import LineDown
from channelwatch.post import ChannelInfo
from channelwatch.service.control import ask
from channelwatch.service.lock import InstanceLock

Verb = Literal["resend", "dismiss"]

CONNECT_WITHIN = 30.0
"""Seconds that a command waits for the line."""


class Place(Protocol):
    """Where a command works; the command line's Workspace is one."""

    @property
    def archive(self) -> Path:
        """The archive file."""
        ...

    @property
    def data(self) -> Path:
        """The data folder."""
        ...

    @property
    def config(self) -> Config:
        """The checked configuration."""
        ...

    @property
    def secrets(self) -> Secrets:
        """The secrets."""
        ...


async def folder(line: Any, writer: Writer, name: str, clock: Clock) -> list[ChannelInfo]:
    """Return the channels of a chat folder and keep their access hashes, so that no name needs to be looked up."""
    found: list[ChannelInfo] = await line.folder(name)

    def keep(connection: Any) -> None:
        for info in found:
            known = channels.get(connection, info.id)
            channels.upsert(connection, info, None, clock.now())
            if known is None:  # known, but not watched until the configuration says so
                channels.set_state(connection, info.id, "removed")

    await writer.run(keep)
    return found


class Settled(msgspec.Struct, frozen=True):
    """What became of a person's wish to resend or dismiss what was given up."""

    done: tuple[GivenUp, ...]
    left: tuple[GivenUp, ...]
    """Can't be sent again: the configuration has no such outlet."""


def settle(
    connection: Any,
    verb: Verb,
    wanted: Sequence[int] | None,
    outlets: Collection[str],
    clock: Clock,
    *,
    dry: bool = False,
) -> Settled:
    """Resend or dismiss what was given up of these alerts, or of all; with `dry` only say what that would be."""
    found = outbox.given_up(connection, wanted)
    left = tuple(each for each in found if verb == "resend" and each.outlet not in outlets)
    done = tuple(each for each in found if verb == "dismiss" or each.outlet in outlets)
    ids = [each.id for each in done]
    if dry:
        pass
    elif verb == "resend":
        outbox.resend(connection, ids, clock.now())
    else:
        outbox.dismiss(connection, ids)
    return Settled(done, left)


def settled(place: Place, verb: Verb, wanted: Sequence[int] | None) -> Settled:
    """Resend or dismiss by the running daemon, or here; then the daemon sends at its next start."""
    answer = ask(place.data, {"do": "settle", "verb": verb, "alerts": wanted})
    if answer is not None:
        return msgspec.convert(answer, Settled)
    names = [outlet.name for outlet in place.config.outlets] if verb == "resend" else []
    Archive(place.archive).reader().close()  # where there is no archive, none is made
    with InstanceLock(place.data), Archive(place.archive).open_writer() as writer:
        return writer.run_sync(settle, verb, wanted, names, SystemClock())


def folder_channels(place: Place, name: str) -> list[ChannelInfo]:
    """Return the channels of one of the account's chat folders, by the running daemon or by a line of our own.

    Raises ChannelGone when there is no such folder (naming those that exist), LoginNeeded, LineDown.
    """
    answer = ask(place.data, {"do": "folder", "name": name}, timeout=120)
    if answer is not None:
        return msgspec.convert(answer["channels"], list[ChannelInfo])
    with InstanceLock(place.data):
        return asyncio.run(_folder_alone(place, name))


async def _folder_alone(place: Place, name: str) -> list[ChannelInfo]:
    from channelwatch.telegram import keyfile
    from channelwatch.telegram.line import Line

    clock = SystemClock()
    line = Line(keyfile.load(place.data, place.secrets), place.config.telegram, place.secrets, clock)
    running = asyncio.create_task(line.run())
    standing = asyncio.create_task(line.up())
    try:
        done, _ = await asyncio.wait({running, standing}, timeout=CONNECT_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise LineDown("Telegram can't be reached", remedy="check the network and try again")
        for task in done:
            task.result()
        with Archive(place.archive).open_writer() as writer:
            return await folder(line, writer, name, clock)
    finally:
        for task in (running, standing):
            task.cancel()
        await asyncio.gather(running, standing, return_exceptions=True)
