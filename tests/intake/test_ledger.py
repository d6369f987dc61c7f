"""Nothing is passed over in silence, and nothing is lost."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelwatch.intake.ledger import Skipped, account
from channelwatch.post import Page, Post, Unreadable

from .model import Archive, Channel

DATE = datetime(2023, 5, 22, tzinfo=UTC)


def page(*numbers: int, unreadable: tuple[int, ...] = ()) -> Page:
    return Page(
        posts=tuple(Post(channel_id=1, message_id=number, date=DATE, text="") for number in numbers),
        unreadable=tuple(Unreadable(number, "?") for number in unreadable),
    )


def test_a_page_moves_the_mark_and_names_what_it_skipped() -> None:
    told = account(10, page(11, 14, 15))
    assert told.mark == 15
    assert told.skipped == (Skipped(12, 13, DATE),)
    assert told.caught_up


def test_a_full_page_is_not_the_end() -> None:
    assert not account(0, page(*range(1, 101))).caught_up


def test_a_page_cut_short_by_the_server_is_not_the_end() -> None:
    assert not account(0, page(*range(1, 80))).caught_up


def test_an_empty_page_ends_the_sweep_where_the_top_agrees() -> None:
    assert account(10, page(), top=10).caught_up
    assert account(10, page()).mark == 10


def test_an_empty_page_below_a_known_top_makes_holes_up_to_it() -> None:
    told = account(10, page(), top=13)
    assert (told.mark, told.skipped) == (13, (Skipped(11, 13),))


def test_a_page_that_ends_below_the_known_top_goes_on() -> None:
    assert not account(10, page(11), top=13).caught_up


def test_what_lies_below_the_mark_moves_nothing() -> None:
    told = account(10, page(8, 9, 10))
    assert (told.mark, told.posts, told.skipped, told.caught_up) == (10, (), (), True)


def test_a_page_filled_by_what_was_known_is_not_the_end() -> None:
    assert not account(100, page(*range(1, 101)), top=105).caught_up
    assert account(100, page(*range(1, 101)), top=105).mark == 100


def test_an_unreadable_message_is_accounted_for_and_no_hole() -> None:
    told = account(10, page(11, 13, unreadable=(12,)))
    assert (told.mark, told.skipped, [one.message_id for one in told.unreadable]) == (13, (), [12])


@given(st.integers(0, 50), st.sets(st.integers(1, 80)), st.sets(st.integers(1, 80)))
def test_posts_unreadable_and_skipped_fill_the_stretch_exactly(mark: int, seen: set[int], bad: set[int]) -> None:
    told = account(mark, page(*sorted(seen - bad), unreadable=tuple(sorted(bad))))
    numbers = [post.message_id for post in told.posts] + [one.message_id for one in told.unreadable]
    for skipped in told.skipped:
        numbers.extend(range(skipped.first, skipped.last + 1))
    assert sorted(numbers) == list(range(mark + 1, told.mark + 1))


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_and_the_equation_holds_in_a_simulated_day(seed: int) -> None:
    print(f"seed {seed}")  # shown when it fails
    random = Random(seed)
    channel = Channel(random, 600, late=0.1, absent=0.15)
    archive = Archive(start=random.randrange(0, 20))
    pushes = sorted(
        (moment + random.expovariate(1 / 2), number)
        for number, moment in channel.published.items()
        if number > archive.start and random.random() > 0.4  # many are lost, some come out of order
    )
    limit = random.choice([5, 20, 100])
    now, next_sweep = 0.0, 0.0
    while now < channel.end + 2 * 3600:
        now += random.uniform(0.5, 40.0)
        while pushes and pushes[0][0] <= now:
            archive.push(pushes.pop(0)[1])
        if now >= next_sweep:
            caught_up = archive.sweep(channel, now, limit)
            next_sweep = now + (60.0 if caught_up else 0.0)
        archive.ask(channel, now)
        assert archive.holds, f"seed {seed} at {now:.1f} s"
    expected = {number for number in channel.published if number > archive.start}
    assert archive.stored == expected, f"seed {seed}"
    assert not archive.open, f"seed {seed}"
