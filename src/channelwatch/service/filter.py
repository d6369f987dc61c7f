"""The filter pass: revisions that wait in ``work`` → matches, mentions, an alert, deliveries; then the row is gone.

Evaluation runs on a thread of its own in slices, reading only; what was found is written in one transaction that also
deletes the work rows. A crash in between repeats the slice, and every write of it is safe to repeat.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from channelwatch.alerts import decide, wording
from channelwatch.archive import alerts, channels, matches, outbox, search, work
from channelwatch.archive.file import Archive, translated
from channelwatch.archive.work import WorkItem
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock
from channelwatch.config import times
from channelwatch.config.model import Config
from channelwatch.errors import ArchiveBusy
from channelwatch.post import post_url
from channelwatch.query import Evidence, Source, Subject
from channelwatch.service.book import Book, WatchedRule

__all__ = ["FilterPass", "Found", "WatchedRule"]

log = structlog.get_logger(__name__)

SLICE = 100
"""Revisions looked at between two transactions at most."""

SLICE_SECONDS = 0.02
"""No further revision joins a slice that was looked at this long; a live post never waits long."""

SLICE_MATCHES = 200
"""Nor one that met rules this often: they are written in one transaction, and the intake wants to write too."""

_SAFETY = 1.0
"""Seconds after which it looks without being woken."""


class Found(msgspec.Struct, frozen=True):
    """One revision and what met it."""

    item: WorkItem
    source: Source
    title: str
    met: tuple[tuple[decide.Rule, Evidence], ...]
    before: frozenset[int]
    """Rules that the text before the edit met too."""


class FilterPass:
    """Looks at every revision once; woken by `wake`, with a timer as safety net."""

    def __init__(
        self,
        archive: Archive,
        writer: Writer,
        rules: Sequence[WatchedRule],
        config: Config,
        clock: Clock,
        *,
        region_name: Callable[[str], str] = str,
        on_deliveries: Callable[[], None] = lambda: None,
    ) -> None:
        """`region_name` turns a region's code into its name; `on_deliveries` is called, on the event loop, when there
        is something to send.
        """
        self._archive = archive
        self._writer = writer
        self._clock = clock
        self._region_name = region_name
        self._on_deliveries = on_deliveries
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="filter")
        self._reader: sqlite3.Connection | None = None
        self._woken = asyncio.Event()
        self._busy = asyncio.Lock()
        self._stopping = False
        self.load(rules, config)

    def load(self, rules: Sequence[WatchedRule], config: Config) -> None:
        """Put other rules and settings in force from the next slice on; nothing is looked at again."""
        self._book = Book(rules)
        self._config = config
        self._zone = times.zone(config.time.zone)
        self._kinds = {outlet.name: outlet.kind for outlet in config.outlets}

    @property
    def strikes(self) -> Mapping[int, int]:
        """Rule id → posts it crashed on since the rules were loaded."""
        return self._book.strikes

    def wake(self) -> None:
        """Say that something may wait; call it from the event loop's thread."""
        self._woken.set()

    async def run(self) -> None:
        """Look whenever woken, and every second in any case, until `stop`."""
        while not self._stopping:
            self._woken.clear()
            try:
                await self.run_once()
            except ArchiveBusy as error:
                log.debug("filter_waits", error=str(error))
            except Exception:  # the watchdog gives up if it stays so; the intake goes on meanwhile
                log.exception("filter_failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SAFETY):  # wait_for of Python 3.11 can swallow a cancellation
                    await self._woken.wait()

    async def stop(self) -> None:
        """Finish the slice in hand and leave; what waits is looked at after the next start."""
        self._stopping = True
        self._woken.set()
        async with self._busy:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def run_once(self) -> int:
        """Look at everything that is due now; return how many revisions that were."""
        looked = 0
        while items := await self.run_slice():
            looked += items
        return looked

    async def run_slice(self) -> int:
        """Look at the next slice of what is due; return how many revisions that were, 0 when nothing is left.

        What the scheduler asks for: however much waits, a slice is done soon, and a pass that is stuck is seen.
        """
        async with self._busy:
            if self._stopping:
                return 0
            try:
                items, found, broken = await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
            except sqlite3.Error as error:
                raise translated(error, self._archive.path) from error
            if items:
                await self._record(found, broken)
        return items

    # -- on the filter's thread: reading and evaluating

    def _look(self) -> tuple[int, list[Found], dict[int, str]]:
        """Evaluate the next slice: how many rows were looked at, what was found, which rows failed, and why."""
        if self._reader is None:
            self._reader = self._archive.reader()
        book = self._book  # a slice is looked at by one set of rules, whatever is loaded meanwhile
        with self._reader:  # one state of the archive: between two a channel may become another
            self._reader.execute("BEGIN")
            items = work.due(self._reader, self._clock.now(), SLICE)
            if not items:
                return 0, [], {}
            known = {channel.id: channel for channel in channels.every(self._reader)}
            past = channels.past_names(self._reader)
        found: list[Found] = []
        broken: dict[int, str] = {}
        until, met_in_all = self._clock.monotonic() + SLICE_SECONDS, 0
        for item in items:
            if met_in_all >= SLICE_MATCHES or self._clock.monotonic() > until:
                break
            channel = known[item.channel_id]
            source = search.source(channel, past.get(channel.id, ()))
            try:
                met = book.match(Subject(item.text, source), item)
                before = book.met_before(item, source, met)
            except Exception as error:
                log.exception("post_not_filtered", channel=channel.label, message=item.message_id)
                broken[item.id] = repr(error)
                continue
            found.append(Found(item, source, channel.title, met, before))
            met_in_all += len(met)
        return len(found) + len(broken), found, broken

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    # -- on the writer's thread: recording

    async def _record(self, found: Sequence[Found], broken: dict[int, str]) -> None:
        """Write a slice in one transaction; where that fails, each revision alone, so that only the bad one stays."""
        new = 0
        try:
            new = await self._writer.run(self._write, found, broken)
        except ArchiveBusy:
            raise
        except Exception:
            log.exception("slice_not_recorded")
            for each in found:
                try:
                    new += await self._writer.run(self._write, [each], {})
                except ArchiveBusy:
                    raise
                except Exception as error:
                    log.exception("post_not_recorded", channel=each.item.channel, message=each.item.message_id)
                    broken[each.item.id] = repr(error)
            await self._writer.run(self._write, [], broken)
        if new:
            self._on_deliveries()

    def _write(self, connection: sqlite3.Connection, found: Sequence[Found], broken: dict[int, str]) -> int:
        """Record what was found, drop the work rows, put the broken ones off; return how many deliveries are new."""
        new = sum(self._write_one(connection, each) for each in found if each.met)
        work.done(connection, [each.item.id for each in found])
        for row, error in broken.items():
            work.fail(connection, row, error, self._clock.now())
        return new

    def _write_one(self, connection: sqlite3.Connection, found: Found) -> int:
        now, item = self._clock.now(), found.item
        rows = [matches.Match(rule.id, item.post_id, item.revision, evidence) for rule, evidence in found.met]
        met = matches.add(connection, rows, now)
        raised = alerts.raised(connection, item.post_id, item.channel_id, item.album)
        arrival = decide.Arrival(
            came=item.came, date=item.date, arrived=item.queued_at, revision=item.revision, edited=item.edited
        )
        decision = decide.decide(
            arrival,
            [rule for rule, _ in found.met],
            self._config.alerts,
            before=found.before,
            told=raised.outlets if raised else None,
        )
        state, reason, severity = decision.state, decision.reason, decision.severity
        if raised is None:
            alert = alerts.add(connection, post=item.post_id, severity=severity, state=state, reason=reason, now=now)
        else:
            alert = raised.id
        alerts.link(connection, alert, met)
        if state == "quiet":
            return 0
        if raised is not None:
            severity = decide.higher(severity, raised.severity) if raised.outlets else severity
            alerts.ring(connection, alert, severity=severity, reason=reason, now=now)
        notice = self._notice(connection, alert, found, decision)
        # an outlet that a reload took away in between: better told on the console than not at all
        outlets = dict.fromkeys(name if name in self._kinds else "console" for name in decision.outlets)
        return sum(outbox.enqueue(connection, alert, name, self._worded(name, notice), now) for name in outlets)

    def _worded(self, outlet: str, notice: wording.Notice) -> list[str]:
        if self._kinds.get(outlet) != "telegram":
            return [wording.line(notice, self._zone)]
        return wording.html(notice, self._zone)

    def _notice(
        self, connection: sqlite3.Connection, alert: int, found: Found, decision: decide.Decision
    ) -> wording.Notice:
        item = found.item
        places, regions = alerts.places_of(connection, alert)
        spans = {(span.start, span.end) for _, evidence in found.met for span in evidence.spans}
        spans |= {(mention.start, mention.end) for _, evidence in found.met for mention in evidence.mentions}
        return wording.Notice(
            alert=alert,
            severity=decision.severity,
            rules=tuple(rule.name for rule, _ in found.met),
            reason=decision.reason,
            channel=item.channel,
            title=found.title,
            message_id=item.message_id,
            url=post_url(item.channel_name, item.channel_id, item.message_id),
            date=item.date,
            edited=item.edited if item.revision > 1 else None,
            text=item.text,
            spans=tuple(sorted(spans)),
            places=places,
            regions=tuple(map(self._region_name, regions)),
            region_codes=regions,
            forward=_origin(connection, item),
            album=alerts.album_size(connection, item.channel_id, item.album),
            media=item.media,
        )


def _origin(connection: sqlite3.Connection, item: WorkItem) -> str | None:
    """Return a forward's origin in words: as we call the channel, else as Telegram did, else by its id."""
    if item.forward_channel_id is None:
        return item.forward_name
    channel = channels.get(connection, item.forward_channel_id)
    if channel is None:
        return item.forward_name or f"channel {item.forward_channel_id}"
    if channel.name and item.forward_message_id:
        return f"{channel.label} (t.me/{channel.name}/{item.forward_message_id})"
    return channel.label
