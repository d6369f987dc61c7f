"""What a written channel means to Telegram: a public name to resolve, or the id of a channel that the account knows."""

import msgspec

from channelwatch.config.channel_names import channel_key
from channelwatch.errors import ChannelGone


class ChannelName(msgspec.Struct, frozen=True):
    """A public name, or a bare id; exactly one of them is set."""

    name: str | None = None
    id: int | None = None

    def __str__(self) -> str:
        """Return the form that people know: ``@name`` or ``-100…``."""
        return f"@{self.name}" if self.name is not None else f"-100{self.id:010d}"


def parse(written: str) -> ChannelName:
    """Read a channel as people write it (see ``config.channel_names``).

    Raises ChannelGone, with a remedy, for an invite link and for what can't be a channel's name.
    """
    try:
        key = channel_key(written)
    except ValueError as error:
        remedy = "write @name, a t.me link, or -100… for a channel that the account knows"
        raise ChannelGone(str(error), remedy=remedy) from None
    return ChannelName(id=key) if isinstance(key, int) else ChannelName(name=key)


def unknown_id(name: ChannelName) -> ChannelGone:
    """Return the error for an id that the account does not know."""
    return ChannelGone(f"the account does not know the channel {name}", remedy="give its @name instead of its id")
