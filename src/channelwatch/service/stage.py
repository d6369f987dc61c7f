"""A stage: the simulator in this process, a config folder, and the real daemon as a child process against them.

The demo, the rehearsal, the torture and end-to-end tests all play on it. The daemon that runs here is the one that
runs anywhere: only its configuration says that Telegram is on this machine.
"""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import tomlkit

from channelwatch.archive.file import Archive
from channelwatch.errors import ArchiveError, LineDown
from channelwatch.service.control import ask
from channelwatch.simulator.botapi import BotApi
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import User
from channelwatch.telegram import keyfile

READY_WITHIN = 30.0
"""Seconds that a daemon may take to answer on its socket; a loaded machine needs some."""


class Stage:
    """A folder with ``config/`` and ``data/`` in it, and at most one daemon that runs on them."""

    def __init__(self, folder: Path, dc: DataCentre, api: BotApi | None = None) -> None:
        """`dc` and `api` are started and stopped by the caller."""
        self.folder = folder
        self.dc = dc
        self.api = api
        self.daemon: Process | None = None
        self.starts = 0

    @property
    def config(self) -> Path:
        """The config folder."""
        return self.folder / "config"

    @property
    def archive(self) -> Archive:
        """The archive that the daemon writes."""
        return Archive(self.folder / "data" / "channelwatch.db")

    def furnish(
        self,
        user: User,
        channels: Iterable[Mapping[str, Any]],
        rules: Iterable[Mapping[str, Any]],
        *,
        bot_token: str | None = None,
        **sections: Any,
    ) -> None:
        """Write the config folder and the login of `user`; `sections` are further tables of ``channelwatch.toml``."""
        self.config.mkdir(mode=0o700, parents=True, exist_ok=True)
        telegram = {
            "dc_id": self.dc.dc_id,
            "dc_host": self.dc.host,
            "dc_port": self.dc.port,
            "rsa_key_file": str(self.dc.rsa_key_file),
            **sections.pop("telegram", {}),
        }
        settings = {
            "archive": {"file": str(self.folder / "data" / "channelwatch.db")},
            "telegram": telegram,
            **sections,
            "channels": [dict(channel) for channel in channels],
        }
        (self.config / "channelwatch.toml").write_text(tomlkit.dumps(settings))
        (self.config / "rules.toml").write_text(tomlkit.dumps({"rules": [dict(rule) for rule in rules]}))
        secrets = "API_ID=1\nAPI_HASH=0123456789abcdef0123456789abcdef\n"
        if bot_token:
            secrets += f"BOT_TOKEN={bot_token}\n"
        with os.fdopen(os.open(self.config / ".env", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as env:
            env.write(secrets)
        keyfile.save(
            self.folder / "data",
            keyfile.Key(
                dc_id=self.dc.dc_id,
                host=self.dc.host,
                port=self.dc.port,
                auth_key=self.dc.world.preshared_key(user),
                user_id=user.id,
            ),
        )

    def command(self, *words: str) -> list[str]:
        """Return the command line that runs channelwatch on this stage."""
        return [sys.executable, "-m", "channelwatch", "--config", str(self.config), *words]

    def environment(self) -> dict[str, str]:
        """Return this process's environment without anybody's real secrets in it."""
        names = ("API_ID", "API_HASH", "PHONE", "SESSION_STRING", "BOT_TOKEN")
        return {
            name: value
            for name, value in os.environ.items()
            if not any(name.removesuffix("_FILE").endswith(secret) for secret in names)
        }

    async def start(self, *, stdout: int | IO[Any] | None = None, wait: bool = True) -> Process:
        """Start the daemon, its log to ``daemon.log``; with `wait`, return once it answers on its socket.

        Raises LineDown when it leaves or stays silent; the message ends with the last lines of its log.
        """
        with (self.folder / "daemon.log").open("ab") as log:
            self.daemon = await asyncio.create_subprocess_exec(
                *self.command("run"), stdout=stdout or log, stderr=log, env=self.environment()
            )
        self.starts += 1
        if wait:
            async with asyncio.timeout(READY_WITHIN):
                while not await self.answers():
                    if self.daemon.returncode is not None:
                        raise LineDown(f"the daemon left with {self.daemon.returncode}:\n{self.log_tail()}")
                    await asyncio.sleep(0.05)
        return self.daemon

    async def answers(self) -> bool:
        """Tell whether a daemon answers on the socket."""
        try:
            return await asyncio.to_thread(ask, self.folder / "data", {"do": "ping"}, timeout=5) is not None
        except LineDown:
            return False

    async def kill(self) -> None:
        """End the daemon as a power cut would: SIGKILL."""
        if self.daemon is not None and self.daemon.returncode is None:
            self.daemon.kill()
            await self.daemon.wait()

    async def stop(self) -> int | None:
        """Ask the daemon to leave (SIGTERM), wait for it, and return its exit code; None when none runs."""
        if self.daemon is None or self.daemon.returncode is not None:
            return None if self.daemon is None else self.daemon.returncode
        self.daemon.send_signal(signal.SIGTERM)
        return await self.daemon.wait()

    async def until(self, condition: Callable[[sqlite3.Connection], bool], *, within: float) -> bool:
        """Wait until a condition on the archive holds; False when it does not within so many seconds."""
        end = asyncio.get_running_loop().time() + within
        while True:
            with contextlib.suppress(ArchiveError), contextlib.closing(self.archive.reader()) as connection:
                # not there yet, or being made just now
                if condition(connection):
                    return True
            if asyncio.get_running_loop().time() > end:
                return False
            await asyncio.sleep(0.1)

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the daemon's log."""
        log = self.folder / "daemon.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
