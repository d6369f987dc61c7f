"""The roster: which channels are watched, which are still to be found, and what became of them.

Configuration and rows are brought together at the start and at every reload; names are looked up, channels joined,
renamed, lost and found again.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from channelwatch.archive import channels, sweeps
from channelwatch.archive.writer import Writer
from channelwatch.clock import Clock, from_iso
from channelwatch.config.model import ChannelConfig, Config
from channelwatch.errors import ArchiveError, ChannelGone, Flooded, TelegramError
from channelwatch.intake import rhythm
from channelwatch.intake.pacing import BASE_GAPS, JOIN, RESOLVE
from channelwatch.post import ChannelInfo, Page
from channelwatch.service.calls import Calls
from channelwatch.service.watched import Wanted, Watched
from channelwatch.telegram.line import Line
from channelwatch.telegram.names import parse, unknown_id

log = structlog.get_logger(__name__)

GONE_RETRY = 6 * 3600.0
"""Seconds until a channel that can't be read, found or joined is tried again."""
CHATS_TRIES = 3
"""Failures in a row after which names are asked for although the account's chats could not be read."""
UNPACED = 5.0
"""With pacing off (tests), no channel waits longer than this for its next sweep, in seconds."""
FRESH = 5.0
"""Seconds for which worked-out intervals hold."""


class Roster:
    """The channels of one watch; `load` first."""

    def __init__(
        self, line: Line, writer: Writer, calls: Calls, clock: Clock, progress: Callable[[str], object]
    ) -> None:
        """`progress(text)` says how far resolving is."""
        self.channels: dict[int, Watched] = {}
        self.wanted: list[Wanted] = []
        self.joins: dict[int, float] = {}
        """When each channel that is to be joined may be, in seconds since the epoch."""
        self._line = line
        self._writer = writer
        self._calls = calls
        self._clock = clock
        self._progress = progress
        self._failures = 0
        self._intervals: dict[int, float] = {}
        self._intervals_at = 0.0

    # -- what is known ------------------------------------------------------------------------------------------------

    async def load(self, config: Config) -> None:
        """Bring rows and configuration together: what is known is watched at once, the rest waits to be resolved.

        Raises ArchiveError.
        """
        rows = await self._writer.run(sweeps.adopt, config.channels, self._clock.now())
        before, self.channels = self.channels, {}
        wanted = {one.config.name: one for one in self.wanted}
        self.wanted = []
        for channel, row in rows:
            if row is None:
                kept = wanted.get(channel.name) or Wanted(channel, self._calls.now())
                kept.config = channel
                self.wanted.append(kept)
            elif row.id in before:
                self._renew(before[row.id], channel, row)
            else:
                self._add(channel, row)
        self.joins = {number: due for number, due in self.joins.items() if number in self.channels}
        await self.learn_rates()
        self.listen()

    def _add(self, config: ChannelConfig, row: channels.Channel) -> None:
        self.channels[row.id] = Watched(
            info=row.info,
            config=config,
            rhythm=rhythm.Channel(row.id, row.joined, config.priority == "high", config.max_lag),
            label=row.label,
            due=self._calls.now(),
            start=row.start,
            mark=row.mark or 0,
            top=row.top,
            swept=from_iso(row.last_sweep).timestamp() if row.last_sweep else None,
        )
        if config.join and not row.joined:
            self.joins[row.id] = self._calls.now()

    def _renew(self, watched: Watched, config: ChannelConfig, row: channels.Channel) -> None:
        watched.config, watched.label = config, row.label
        watched.rhythm.high, watched.rhythm.max_lag = config.priority == "high", config.max_lag
        self.channels[row.id] = watched
        if config.join and not watched.info.joined:
            self.joins.setdefault(row.id, self._calls.now())

    def listen(self) -> None:
        """Let pushes in for every channel whose promise has begun."""
        self._line.watched = {number for number, one in self.channels.items() if one.start is not None}
        self._intervals_at = 0.0

    # -- rhythms ------------------------------------------------------------------------------------------------------

    def interval(self, channel_id: int) -> float:
        """Return the seconds between sweeps of a channel that the call budget allows."""
        return self.intervals().get(channel_id, rhythm.SAFETY)

    def urgency(self, one: Watched) -> float:
        """Return within how many seconds a sweep of a channel should go once it is due."""
        seconds = self.interval(one.info.id)
        if one.info.joined and one.reread:  # pushes were missed
            seconds = min(seconds, rhythm.SAFETY)
        return rhythm.urgency(one.rhythm, seconds, dirty=one.info.joined and (one.top or 0) > one.mark)

    def observe(self, one: Watched, posts: int, seconds: float) -> None:
        """Learn from a sweep that found `posts` new ones after `seconds` since the last."""
        rhythm.observe(one.rhythm, posts, seconds)
        self._intervals_at = 0.0

    def intervals(self) -> dict[int, float]:
        """Return the seconds between sweeps of every channel; worked out anew every few seconds."""
        now = self._calls.now()
        if abs(now - self._intervals_at) > FRESH or len(self._intervals) != len(self.channels):
            longest = UNPACED if self._calls.pace.scale <= 0 else rhythm.LONGEST * 100
            wanted = rhythm.stretched([one.rhythm for one in self.channels.values()], self._calls.budget())
            self._intervals = {number: min(seconds, longest) for number, seconds in wanted.items()}
            self._intervals_at = now
        return self._intervals

    async def learn_rates(self) -> None:
        """Take each channel's posting rate from the archive's last day. Raises ArchiveError."""
        for number, posts_a_second in (await self._writer.run(sweeps.rates, self._clock.now())).items():
            if number in self.channels:
                self.channels[number].rhythm.rate = posts_a_second
        self._intervals_at = 0.0

    # -- finding and joining ------------------------------------------------------------------------------------------

    async def look_among_chats(self) -> None:
        """Find wanted channels among the account's own chats, which costs no look-up.

        Raises TelegramError, ArchiveError.
        """
        sought = [one for one in self.wanted if not one.looked]
        known = await self._line.chats()
        self._failures = 0
        by_key: dict[str | int | None, ChannelInfo] = {info.id: info for info in known}
        by_key |= {info.name.lower(): info for info in known if info.name is not None}
        for wanted in sought:
            name = parse(wanted.config.name)
            info = by_key.get(name.id if name.name is None else name.name.lower())
            if info is not None:
                await self._found(wanted, info)
            elif name.name is None:
                self.not_found(wanted, unknown_id(name))
            else:
                wanted.looked = True
        self._tell(f"{sum(one not in self.wanted for one in sought)} channels found among the account's own chats")

    def put_off_chats(self, until: float) -> None:
        """Look among the chats later; when that has failed too often, go on to asking for every name."""
        self._failures += 1
        give_up = self._failures >= CHATS_TRIES
        for wanted in self.wanted:
            if not wanted.looked:
                wanted.looked = give_up and parse(wanted.config.name).name is not None
                wanted.due = max(wanted.due, until)

    async def resolve(self, wanted: Wanted) -> None:
        """Ask Telegram for a configured name and watch the channel from now on. Raises TelegramError, ArchiveError."""
        info = await self._line.resolve(parse(wanted.config.name))
        await self._found(wanted, info)
        self._tell(f"{wanted.config.name} found")

    async def _found(self, wanted: Wanted, info: ChannelInfo) -> None:
        if wanted not in self.wanted:
            return  # the configuration has dropped it meanwhile
        if (known := self.channels.get(info.id)) is not None:
            log.warning("a channel is configured twice", name=wanted.config.name, other=known.config.name)
        else:
            row = await self._writer.run(sweeps.found, info, wanted.config, self._clock.now())
            self._add(wanted.config, row)
            self.listen()
        if wanted in self.wanted:
            self.wanted.remove(wanted)

    def _tell(self, what: str) -> None:
        if left := sum(not one.problem for one in self.wanted):
            minutes = self.resolve_seconds() / 60
            self._progress(f"{what}; {left} channels to look up, about {minutes:.0f} min at this pace")

    def resolve_seconds(self) -> float:
        """Return in how many seconds the last name should be known, at the present pace; what failed waits longer."""
        left = sum(not one.problem for one in self.wanted)
        return self._calls.wait(RESOLVE) + (left - 1) * self._calls.pace.gap(RESOLVE) if left else 0.0

    async def join(self, one: Watched) -> None:
        """Join a channel, and rest before the next. Raises TelegramError, ArchiveError."""
        await self._line.join(one.info)
        self.joins.pop(one.info.id, None)
        await self._change(one, msgspec.structs.replace(one.info, joined=True))
        if self._calls.pace.scale > 0:
            await self._calls.rest(JOIN, BASE_GAPS[JOIN], "at most one join in five minutes")
        one.due, one.reread = self._calls.now(), True
        log.info("joined", channel=one.label)

    # -- what becomes of them -----------------------------------------------------------------------------------------

    async def rename(self, one: Watched, page: Page) -> None:
        """Take over what an answer says about who the channel is now. Raises ArchiveError."""
        if page.channel is not None and page.channel != one.info:
            await self._change(one, page.channel)

    async def _change(self, one: Watched, info: ChannelInfo) -> None:
        row = await self._writer.run(channels.upsert, info, None, self._clock.now())
        if (one.info.name, one.info.title) != (info.name, info.title):
            log.info("a channel was renamed", channel=row.label, name=info.name, title=info.title, before=one.info.name)
        one.info, one.label, one.rhythm.joined = row.info, row.label, row.joined

    def not_found(self, wanted: Wanted, error: ChannelGone) -> None:
        """Say that a configured name leads nowhere, and try again later."""
        wanted.problem = str(error)
        wanted.due = self._calls.now() + GONE_RETRY
        log.error("a channel can't be found", channel=wanted.config.name, reason=str(error))

    def not_joined(self, one: Watched, error: ChannelGone) -> None:
        """Say that a channel can't be joined, and try again later; it is polled meanwhile."""
        self.joins[one.info.id] = self._calls.now() + GONE_RETRY
        log.warning("a channel can't be joined", channel=one.label, reason=str(error))

    async def gone(self, one: Watched, error: ChannelGone) -> None:
        """Keep a channel that can't be read in sight: look it up once more by its name, say it, try again later."""
        if one.info.name is not None and not one.gone and await self._found_again(one):
            one.due = self._calls.now()
            return
        if not one.gone:
            log.error("a channel can't be read any more", channel=one.label, reason=str(error))
        one.gone = str(error)
        one.due = self._calls.now() + GONE_RETRY
        with suppress(ArchiveError):
            await self._writer.run(channels.set_state, one.info.id, "gone")

    async def back(self, one: Watched) -> None:
        """Take a channel that can be read again for a channel like any other. Raises ArchiveError."""
        one.gone = ""
        await self._writer.run(channels.set_state, one.info.id, "active")

    async def _found_again(self, one: Watched) -> bool:
        """Tell whether the channel still answers to its name (our access hash had gone stale)."""
        if self._calls.wait(RESOLVE) > 0 or one.info.name is None:
            return False
        self._calls.spend(RESOLVE)
        try:
            info = await self._line.resolve(parse(one.info.name))
        except Flooded as error:
            await self._calls.flooded(error)
            return False
        except TelegramError:
            return False
        if info.id != one.info.id:
            log.error("a name now belongs to another channel", name=one.info.name, was=one.info.id, now=info.id)
            return False
        if info == one.info:
            return False
        await self._change(one, info)
        return True
