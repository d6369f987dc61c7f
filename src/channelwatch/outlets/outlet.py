"""What every outlet is: a name, its limits, and one awaitable call that sends one message."""

from typing import Protocol

import msgspec

from channelwatch.config.model import Severity

REPEAT_MARK = "(may repeat) "
"""Put before a message whose earlier copy may have arrived."""


class Message(msgspec.Struct, frozen=True):
    """One part of one alert, worded for its outlet."""

    body: str
    """As it stands in the delivery row."""
    alert: int
    part: int = 1
    severity: Severity = "warning"
    repeat: bool = False
    """An earlier copy may have arrived; the outlet says so."""
    plain: bool = False
    """The body has no markup (the outlet could not read the marked-up one)."""


class Rate(msgspec.Struct, frozen=True):
    """At most `count` messages in any `seconds`, shared by all outlets whose rate has the same `key`."""

    key: str
    count: int
    seconds: float


class Outlet(Protocol):
    """A place where alerts are told."""

    @property
    def name(self) -> str:
        """The name in the configuration."""
        ...

    @property
    def account(self) -> str:
        """What it shares with others when the far side asks for a pause; never a secret."""
        ...

    @property
    def rates(self) -> tuple[Rate, ...]:
        """How fast it may be used."""
        ...

    async def send(self, message: Message) -> str:
        """Send and return the message's id at the far side; raise OutletError, and nothing else, when it failed."""
        ...

    async def check(self) -> None:
        """Return when the far side answers a call that changes nothing; raise OutletError when it does not."""
        ...

    async def close(self) -> None:
        """Let go of connections; it can't be used afterwards."""
        ...
