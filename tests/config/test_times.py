"""Durations and zones."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelwatch.config.times import seconds, written, zone


def test_durations_are_read_as_seconds() -> None:
    assert [seconds(text) for text in ("90s", "10m", "6h", "7d", " 1.5 h ")] == [90.0, 600.0, 21600.0, 604800.0, 5400.0]


@pytest.mark.parametrize("text", ["", "5", "5 weeks", "-5m", "5m10s", "٥m", "1e3s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


@given(st.integers(0, 10**8))
def test_what_is_written_reads_the_same(duration: int) -> None:
    assert seconds(written(float(duration))) == duration


def test_zones_are_known_by_their_iana_names() -> None:
    assert zone("UTC") is UTC
    assert str(zone("Europe/Kyiv")) == "Europe/Kyiv"
    for name in ("Europe", "Mars/Olympus", "../etc/passwd", "", "/"):
        with pytest.raises(ValueError, match="no such zone"):
            zone(name)
