"""What a configuration is once it was read and checked: plain frozen values, every default visible here.

The reader (`config.read`) turns TOML into these; nothing else parses config files. Durations are written
``"90s"``, ``"10m"``, ``"6h"``, ``"7d"`` and held as seconds.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

Severity = Literal["info", "warning", "critical"]

Seconds = Annotated[
    float,
    msgspec.Meta(ge=0, le=1e11, description='a duration such as "90s", "10m", "6h" or "7d"', extra={"duration": True}),
]
"""Written as a duration, held as seconds."""
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port from 1 to 65535")]


class ChannelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[channels]]`` entry."""

    name: str
    """``@name``, ``name``, ``t.me/name``, ``t.me/s/name``, ``t.me/name/123`` or ``-100id``; kept as typed."""
    alias: str | None = None
    """How people call it in queries and alerts."""
    home: tuple[str, ...] = ()
    """Regions it speaks of; written as codes or names, held as codes; breaks ties between namesakes."""
    join: bool = False
    """True: join it, so that posts come within seconds. False: read it by polling, without joining."""
    backfill: Seconds | None = None
    """How far back to read when first watched, in seconds; None = the general setting; 0 = not at all."""
    tags: tuple[str, ...] = ()
    group: str | None = None
    """Channels of one group count as one source."""
    priority: Literal["normal", "high"] = "normal"
    max_lag: Seconds | None = None
    """The lag in seconds that this channel may have; earns it more of the call budget."""


class OutletConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[outlets.NAME]`` table."""

    name: str
    kind: Literal["console", "telegram"]
    chat: int | str | None = None
    """telegram: chat id or ``@channelname`` that the bot may write to."""
    api: str = "https://api.telegram.org"
    """telegram: another Bot API server (self-hosted, or the simulator's)."""
    token: str | None = None
    """telegram: the *name* of the environment entry that holds the token; default ``BOT_TOKEN``."""


class RuleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[rules]]`` entry: a saved query with an alert policy."""

    name: str
    query: str
    severity: Severity = "warning"
    outlets: tuple[str, ...] = ()
    """Names of outlets; none named = ``console``."""
    channels: tuple[str, ...] = ()
    """Names, aliases or ids of channels it is limited to; none = all."""
    max_age: Seconds | None = None
    """A post older than this (seconds) when it reaches us never rings; None = ``alerts.max_age``."""
    file: str = "rules.toml"
    """Where it was read; set by the reader."""


class ArchiveConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[archive]``."""

    file: Path | None = None
    """None = ``channelwatch.db`` in the data folder. Its folder is the data folder: key, lock and socket lie there."""


class TelegramConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[telegram]``: another MTProto server than Telegram's own needs the first four together."""

    dc_id: Annotated[int, msgspec.Meta(ge=1, le=32767, description="a whole number from 1")] | None = None
    dc_host: str | None = None
    dc_port: Port | None = None
    rsa_key_file: Path | None = None
    pace: Annotated[float, msgspec.Meta(ge=0, le=1000, description="a number from 0 to 1000")] = 1.0
    """How fast we ask, against the careful default (1.0: about one history call in 3 s); 0 = no pacing (tests only)."""


class AlertsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[alerts]``."""

    max_age: Seconds = 6 * 3600.0
    """A post that reaches us later than this after its date is matched but never rings."""
    late_after: Seconds = 15 * 60.0
    """An alert about a post older than this when it reached us is marked late."""


class BackfillConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[backfill]``: what is read from before the first watch, so that the archive is not empty."""

    age: Seconds = 7 * 86400.0
    posts: Annotated[int, msgspec.Meta(ge=0, le=10**9, description="a whole number, 0 or more")] = 200
    """At most so many posts a channel."""


class TimeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[time]``."""

    zone: str = "UTC"
    """IANA zone for times typed and shown; the database and exports are UTC."""


class HealthConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[health]``."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535, description="a port from 0 (any free one) to 65535")] | None = (
        None
    )
    """Serve /health and /metrics on 127.0.0.1 at this port; None = off, 0 = any free port."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A whole, checked configuration."""

    folder: Path
    channels: tuple[ChannelConfig, ...] = ()
    rules: tuple[RuleConfig, ...] = ()
    outlets: tuple[OutletConfig, ...] = ()
    """Always holds one named ``console``."""
    archive: ArchiveConfig = ArchiveConfig()
    telegram: TelegramConfig = TelegramConfig()
    alerts: AlertsConfig = AlertsConfig()
    backfill: BackfillConfig = BackfillConfig()
    time: TimeConfig = TimeConfig()
    health: HealthConfig = HealthConfig()


class Secret:
    """A string that never prints itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep the value."""
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        """Hide the value."""
        return "***"

    __str__ = __repr__


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What ``.env`` and the environment hold (``NAME``, ``TG_NAME``, ``TELEGRAM_NAME``, each also as ``…_FILE``)."""

    api_id: int | None = None
    api_hash: Secret | None = None
    phone: Secret | None = None
    session_string: Secret | None = None
    bot_token: Secret | None = None
    other: dict[str, Secret] = {}
    """Entries that an outlet's `token` names."""
