"""What the watch holds in memory about its channels, and what it tells about itself."""

from collections import deque

import msgspec

from channelwatch.config.model import ChannelConfig
from channelwatch.intake import rhythm
from channelwatch.post import ChannelInfo


class Watched(msgspec.Struct):
    """A channel in the watch's memory."""

    info: ChannelInfo
    config: ChannelConfig
    rhythm: rhythm.Channel
    label: str
    due: float
    start: int | None = None
    mark: int = 0
    top: int | None = None
    swept: float | None = None
    reread: bool = True
    """The next sweep starts below the mark, to see what edits and deletions were missed."""
    living: int | None = None
    """The newest id at or below the mark that still holds a post, where that is known to lie below the mark."""
    gone: str = ""
    """Why the channel can't be read, while it can't."""
    failures: int = 0
    lags: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=100))
    """Seconds from publication to storing, of the last posts."""


class Wanted(msgspec.Struct):
    """A configured channel that is not known yet."""

    config: ChannelConfig
    due: float
    problem: str = ""
    looked: bool = False
    """The account's own chats were looked through for it: what is left is to ask Telegram for the name."""


class ChannelStatus(msgspec.Struct, frozen=True):
    """How the watch of one channel stands; seconds."""

    id: int
    label: str
    joined: bool
    expected_lag: float
    measured_lag: float | None
    next_sweep_in: float
    gone: str
    max_lag: float | None
    """The configured bound, when the call budget can't keep it."""


class Status(msgspec.Struct, frozen=True):
    """How the watch stands."""

    line: str
    line_reason: str
    channels: tuple[ChannelStatus, ...]
    unresolved: dict[str, str]
    """Configured channels not known yet, each with what is wrong or ``""`` while it waits its turn."""
    resolve_seconds: float
    """When the last of them should be known, at the present pace."""
    backfills: int
    calls: dict[str, int]
