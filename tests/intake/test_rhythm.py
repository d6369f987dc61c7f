"""How often a channel is swept."""

from hypothesis import given
from hypothesis import strategies as st

from channelwatch.intake import rhythm
from channelwatch.intake.rhythm import Channel, expected_lag, interval, observe, stretched, unkept

CALLS = 0.3


def test_the_oftener_a_channel_posts_the_oftener_it_is_asked() -> None:
    quiet, busy = Channel(1, rate=1 / 86400), Channel(2, rate=1 / 60)
    assert interval(quiet) == rhythm.LONGEST
    assert rhythm.SHORTEST <= interval(busy) < 60


def test_priority_a_burst_and_a_bound_earn_more() -> None:
    plain = Channel(1, rate=1 / 1200)
    assert interval(Channel(1, rate=1 / 1200, high=True)) < interval(plain)
    assert interval(Channel(1, rate=1 / 1200, burst=True)) < interval(plain)
    assert interval(Channel(1, rate=1 / 1200, max_lag=60)) < 60


def test_a_rate_is_learnt_from_sweeps() -> None:
    channel = Channel(1)
    for _ in range(2000):
        observe(channel, 2, 60)
    assert 1 / 40 < channel.rate < 1 / 25
    assert not channel.burst
    observe(channel, 5, 60)
    assert channel.burst


def test_a_joined_channel_has_seconds_whatever_the_budget() -> None:
    assert expected_lag([Channel(1, joined=True)], CALLS)[1] == rhythm.PUSH_LAG


def test_two_hundred_polled_channels_share_the_budget() -> None:
    channels = [Channel(number, rate=1 / 600) for number in range(200)]
    lags = expected_lag(channels, CALLS)
    assert sum(1 / lag for lag in lags.values()) <= CALLS * 1.001
    assert expected_lag(channels, None)[0] == interval(channels[0])


def test_a_bound_is_kept_before_others_and_named_when_it_can_not_be() -> None:
    others = [Channel(number, rate=1 / 60) for number in range(2, 100)]
    assert unkept([Channel(1, max_lag=30), *others], CALLS) == []
    greedy = [Channel(number, max_lag=10) for number in range(20)]
    found = unkept(greedy, CALLS)
    assert len(found) == 20
    assert all(bound == 10 and lag > 10 for _, bound, lag in found)


@given(
    st.lists(
        st.builds(
            Channel,
            id=st.integers(0, 10**6),
            joined=st.booleans(),
            high=st.booleans(),
            max_lag=st.none() | st.floats(1, 3600),
            rate=st.floats(1e-7, 10),
            burst=st.booleans(),
        ),
        max_size=60,
        unique_by=lambda channel: channel.id,
    )
)
def test_what_is_promised_fits_the_budget(channels: list[Channel]) -> None:
    spent = sum(1 / seconds for seconds in stretched(channels, CALLS).values())
    assert spent <= CALLS * 1.1 + 1e-9
