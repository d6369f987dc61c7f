"""The daemon: opens everything in order, wires it, and closes it in the reverse order.

The archive comes first and goes last. What arrives wakes the filter pass, what it raises wakes the delivery; the
scheduler wakes all of them on a timer too, so that a lost wake costs latency and nothing else.
"""

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any

import msgspec
import structlog

from channelwatch import __version__
from channelwatch.archive import alerts, backfills, journal, ledger
from channelwatch.archive.file import Archive, library_warning
from channelwatch.archive.importing import import_lines
from channelwatch.archive.writer import Trouble
from channelwatch.clock import Clock, SystemClock, iso
from channelwatch.config.model import Config, Secrets
from channelwatch.errors import ArchiveBusy, ConfigError, LoginNeeded, WatchError
from channelwatch.outlets import open_outlet
from channelwatch.places import Gazetteer
from channelwatch.service import requests, restart, rulebook
from channelwatch.service.book import WatchedRule
from channelwatch.service.control import Answer, ControlServer, Progress
from channelwatch.service.delivery import DeliveryPump
from channelwatch.service.filter import FilterPass
from channelwatch.service.health import HealthServer
from channelwatch.service.jobs import Jobs, watch_jobs
from channelwatch.service.notify import notify, reloading
from channelwatch.service.watch import Watch
from channelwatch.telegram import keyfile
from channelwatch.telegram.line import Line

log = structlog.get_logger(__name__)

DRAIN = 20.0
"""Seconds that a clean stop may take in all."""

READER = f"channelwatch {__version__}, telethon {metadata.version('telethon')}"
"""What reads messages; when it changes, what it could not read is asked for again."""

TELL_AFTER = 2.0
"""Seconds between looks whether the past was read and matched."""

Reload = Callable[[], tuple[Config, Secrets]]


async def run(config: Config, secrets: Secrets, *, reload: Reload, clock: Clock | None = None) -> None:
    """Run the daemon until SIGTERM or SIGINT. The caller holds the instance lock.

    Raises LoginNeeded, ConfigError or ArchiveError when it can't start, and WatchError when the watchdog gave up.
    """
    await Daemon(config, secrets, reload, clock or SystemClock()).run()


class Daemon:
    """One run of the daemon."""

    def __init__(self, config: Config, secrets: Secrets, reload: Reload, clock: Clock) -> None:
        """Keep the parts of the configuration; nothing is opened yet."""
        self.config, self.secrets, self.clock = config, secrets, clock
        self._reload = reload
        self._started = config, secrets
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._hang_ups: set[asyncio.Task[None]] = set()
        self._since: datetime = clock.now()
        self._gave_up: str | None = None
        assert config.archive.file is not None  # noqa: S101 -- the command line puts it in
        self._archive = Archive(config.archive.file)
        self._trouble: Trouble | None = None

    async def run(self) -> None:
        """Open, serve, drain, close."""
        archive = self._archive
        key = keyfile.load(archive.path.parent, self.secrets)
        async with contextlib.AsyncExitStack() as opened:
            self.writer = archive.open_writer()
            opened.callback(self.writer.close)
            away = await self.writer.run(journal.note_start, self.clock.now())
            if warning := library_warning():
                log.warning(warning)
            await self.writer.run(ledger.reopen_quarantined, READER, self.clock.now())
            log.info("channelwatch starts", archive=str(archive.path), pid=os.getpid(), away=str(away or "first start"))

            self.gazetteer = Gazetteer.load()
            self.pump = DeliveryPump(self.writer, self._outlets(self.config, self.secrets), self.clock)
            self.filter = FilterPass(
                archive,
                self.writer,
                await self._rules(self.config),
                self.config,
                self.clock,
                region_name=lambda code: self.gazetteer.region(code).name,
                on_deliveries=self.pump.wake,
            )
            self.line = Line(key, self.config.telegram, self.secrets, self.clock)
            self.watch = Watch(self.line, self.writer, self.config, self.clock, wake_filter=self.filter.wake)

            control = ControlServer(archive.path.parent, self._handlers())
            await control.start()
            opened.push_async_callback(control.stop)
            if self.config.health.port is not None:
                health = HealthServer(archive.reader, self.clock, self.config.health.port, self._troubles)
                health.start()
                opened.callback(health.stop)
                log.info("health is served", url=f"http://127.0.0.1:{health.port}/health")
            self._catch_signals()
            await self._serve()
            self._look_for_archive()
        if self._gave_up:
            raise WatchError(self._gave_up, remedy="see the log; the service manager restarts the daemon")

    async def _serve(self) -> None:
        """Run until told to stop, then drain."""
        jobs = self._jobs()
        tasks = {
            "line": asyncio.create_task(self.line.run(), name="line"),
            "watch": asyncio.create_task(self.watch.run(), name="watch"),
            "filter": asyncio.create_task(self.filter.run(), name="filter"),
            "delivery": asyncio.create_task(self.pump.run(), name="delivery"),
            "past": asyncio.create_task(_ended("past", self._tell_past()), name="past"),
            "watchdog": asyncio.create_task(
                watch_jobs(jobs, lambda: notify("WATCHDOG=1"), self._give_up), name="watchdog"
            ),
        }
        stopped = asyncio.create_task(self._stop.wait())
        jobs.start()
        notify("READY=1")
        failed: BaseException | None = None
        try:
            vital = [task for name, task in tasks.items() if name != "past"]
            done, _ = await asyncio.wait([stopped, *vital], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                failed = task.exception() if not task.cancelled() else None
                if not isinstance(failed, LoginNeeded | ConfigError):
                    log.error("a part of the daemon ended", part=task.get_name(), exc_info=failed)
                    self._give_up(f"{task.get_name()} ended: {failed}")
        finally:
            await self._drain(jobs, tasks, stopped)
        if isinstance(failed, LoginNeeded | ConfigError):
            raise failed

    async def _drain(self, jobs: Jobs, tasks: dict[str, asyncio.Task[Any]], stopped: asyncio.Task[Any]) -> None:
        """Stop the intake, let the rules and the deliveries under way finish, note the stop."""
        notify("STOPPING=1")
        log.info("channelwatch stops")
        stopped.cancel()
        tasks["watchdog"].cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN * 0.9):
                await _ended("jobs", jobs.stop(2))
                await _ended("watch", self.watch.stop())
                await _ended("filter", self.filter.stop())
                await _ended("delivery", self.pump.stop(5))
        for task in (*tasks.values(), *self._hang_ups):
            task.cancel()
        await asyncio.gather(*tasks.values(), *self._hang_ups, return_exceptions=True)
        await _ended("journal", self.writer.run(journal.note_stop, self.clock.now()))

    async def _tell_past(self) -> None:
        """Once the past of new channels was read and matched, say how often it would have rung."""
        while True:
            await asyncio.sleep(TELL_AFTER)
            status = self.watch.status()
            loaded = len(status.channels) + len(status.unresolved) >= len(self.config.channels)
            waiting = any(not problem for problem in status.unresolved.values())
            with contextlib.suppress(ArchiveBusy):
                if loaded and not waiting and self.line.state == "up" and not await self.writer.run(_past_to_read):
                    break
        if await self.writer.run(backfills.finished_since, self._since):
            rules = await self.writer.run(alerts.quiet_by_rule, self.clock.now() - timedelta(days=1))
            log.info("the past was read; nothing of it rings", would_have_rung_in_24_h=rules or "nothing")

    # -- jobs and signals ---------------------------------------------------------------------------------------------

    def _jobs(self) -> Jobs:
        jobs = Jobs(self.clock)

        async def wake_all() -> None:
            self._look_for_archive()
            self._tell_trouble()
            self.filter.wake()
            self.pump.wake()
            self.watch.wake()

        async def note() -> None:
            if await self.writer.run(journal.note_alive, self.clock.now()):
                log.warning("the clock was set back; what waits for a moment to come was moved with it")
                async with self._reloading:
                    self.filter.load(await self._rules(self.config), self.config)
            await self.writer.run(journal.note_jobs, jobs.rows("alive"))
            await self._note_line()

        jobs.add("filter", 5, self.filter.run_slice, deadline=60)
        jobs.add("wake", 5, wake_all, deadline=5)
        jobs.add("alive", journal.ALIVE_EVERY, note, deadline=20)
        return jobs

    def _look_for_archive(self) -> None:
        """Give up where the archive's file is not at its path any more: what is stored would be lost unseen."""
        if self._gave_up is None and self.writer.moved():
            path = self._archive.path
            log.error(
                "the archive was deleted or replaced while it was written",
                archive=str(path),
                remedy="put the right file back; the next start takes what lies there, or begins an empty archive. "
                "Stop channelwatch before moving its archive",
            )
            self._give_up(f"{path} was deleted or replaced while channelwatch ran")

    def _troubles(self) -> list[str]:
        """Return what is wrong that the archive can't say."""
        return [str(self.writer.trouble)] if self.writer.trouble is not None else []

    def _tell_trouble(self) -> None:
        """Say once that nothing can be stored, and once that it can again; what waits for it stays silent."""
        before, self._trouble = self._trouble, self.writer.trouble
        if before is None and self._trouble is not None:
            log.error("nothing can be stored", reason=self._trouble.reason, since=iso(self._trouble.since))
        elif before is not None and self._trouble is None:
            log.info("the archive can be written again", since=iso(before.since))

    async def _note_line(self) -> None:
        now = self.clock.now()
        if self.line.state == "up":
            await self.writer.run(journal.close_outage, "line", now)
        elif reason := self.line.supervisor.reason:  # connecting once more is no better than down
            await self.writer.run(journal.open_outage, "line", reason, now)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._asked_to_reload)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            os._exit(130)  # asked twice: at once; the next start reads on
        self._stop.set()

    def _asked_to_reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._hang_up())
        self._hang_ups.add(task)  # the loop itself keeps no hold of it
        task.add_done_callback(self._hang_ups.discard)

    def _give_up(self, reason: str) -> None:
        self._gave_up = reason
        self._stop.set()

    async def _hang_up(self) -> None:
        reloading()
        try:
            await self.reload()
        except ConfigError as error:
            for problem in error.problems:
                log.warning("the new configuration is bad; the old one stays in force", problem=str(problem))
        except ArchiveBusy as error:
            log.warning("the reload failed; send SIGHUP again", reason=str(error))
        except Exception:
            log.exception("the reload failed; send SIGHUP again")
        finally:
            notify("READY=1")

    async def reload(self) -> None:
        """Read the configuration again and put it in force; raises ConfigError and changes nothing when it is bad.

        Asked twice at once, it does one after the other. Raises ArchiveBusy when the archive can't be written.
        """
        async with self._reloading:
            config, secrets = await asyncio.to_thread(self._reload)
            outlets = self._outlets(config, secrets)
            self.filter.load(await self._rules(config), config)
            await self.pump.replace(outlets)
            await self.watch.replace(config)
            self.config, self.secrets = config, secrets
        if keys := restart.needed(self._started, (config, secrets)):
            log.warning(f"needs a restart: {', '.join(keys)}", remedy="the rest of the new configuration is in force")
        log.info("the configuration was read again", channels=len(config.channels), rules=len(config.rules))

    async def _rules(self, config: Config) -> list[WatchedRule]:
        return await self.writer.run(rulebook.watched, config.rules, self.gazetteer, self.clock.now())

    @staticmethod
    def _outlets(config: Config, secrets: Secrets) -> list[Any]:
        return [open_outlet(outlet, secrets) for outlet in config.outlets]

    # -- the socket ---------------------------------------------------------------------------------------------------

    def _handlers(self) -> dict[str, Any]:
        return {
            "ping": self._ping,
            "reload": self._reload_asked,
            "status": self._status,
            "folder": self._folder,
            "import": self._import,
            "settle": self._settle,
        }

    async def _ping(self, _request: dict[str, Any], _progress: Progress) -> Answer:
        return {"pid": os.getpid(), "since": iso(self._since), "line": self.line.state}

    async def _reload_asked(self, _request: dict[str, Any], _progress: Progress) -> Answer:
        await self.reload()
        return {"channels": len(self.config.channels), "rules": len(self.config.rules)}

    async def _status(self, _request: dict[str, Any], _progress: Progress) -> Answer:
        return {"watch": msgspec.to_builtins(self.watch.status()), "troubles": self._troubles()}

    async def _folder(self, request: dict[str, Any], _progress: Progress) -> Answer:
        found = await requests.folder(self.line, self.writer, str(request["name"]), self.clock)
        return {"channels": msgspec.to_builtins(found)}

    async def _settle(self, request: dict[str, Any], _progress: Progress) -> Answer:
        outlets = [outlet.name for outlet in self.config.outlets]
        done = await self.writer.run(requests.settle, request["verb"], request["alerts"], outlets, self.clock)
        self.pump.wake()
        answer: Answer = msgspec.to_builtins(done)
        return answer

    async def _import(self, request: dict[str, Any], _progress: Progress) -> Answer:
        done = await self.writer.run(import_lines, request["lines"], int(request["first"]), self.clock.now())
        self.filter.wake()
        answer: Answer = msgspec.to_builtins(done)
        return answer


async def _ended(part: str, end: Awaitable[object]) -> None:
    """Wait for a part's end; what goes wrong in it is told, and is no reason to leave the others standing."""
    try:
        await end
    except ArchiveBusy as error:
        log.warning("a part could not store its last", part=part, reason=str(error))
    except Exception:
        log.exception("a part failed", part=part)


def _past_to_read(connection: sqlite3.Connection) -> bool:
    """Tell whether some channel's past is still to be read, or posts wait for the rules."""
    return bool(
        connection.execute(
            """
            SELECT EXISTS (SELECT 1 FROM backfills WHERE finished_at IS NULL) OR EXISTS (SELECT 1 FROM work)
                OR EXISTS (SELECT 1 FROM channels WHERE state = 'active' AND start IS NULL)
            """
        ).fetchone()[0]
    )
