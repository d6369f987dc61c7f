"""What the call budget means for configured channels: the lag that people may expect, before anything ran."""

from collections.abc import Sequence

from channelwatch.config.model import ChannelConfig
from channelwatch.intake.pacing import HISTORY, Pace
from channelwatch.intake.rhythm import Channel, expected_lag


def expected_lags(channels: Sequence[ChannelConfig], pace: float) -> list[float]:
    """Return the longest lag in seconds to expect of each channel, in their order.

    Every channel is taken to post at the rate of a channel that is not known yet; `pace` is ``telegram.pace``.
    """
    gap = Pace(pace).base(HISTORY)
    asked = [
        Channel(number, joined=channel.join, high=channel.priority == "high", max_lag=channel.max_lag)
        for number, channel in enumerate(channels)
    ]
    lags = expected_lag(asked, 1 / gap if gap > 0 else None)
    return [lags[number] for number in range(len(channels))]


def in_words(lag: float) -> str:
    """Say a lag: ``2 seconds``, ``15 minutes``."""
    count, unit = (round(lag / 60), "minute") if lag >= 120 else (max(1, round(lag)), "second")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
