"""The ledger: whatever happens in whatever order, every id is accounted for exactly once."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from channelwatch.archive import channels, ledger, posts
from channelwatch.archive.ledger import ChannelLedger
from channelwatch.archive.writer import Writer

from .conftest import BAZA, LEGION, NOW, a_post, in_memory

HOUR = timedelta(hours=1)


def ranges(writer: Writer, state: str) -> list[tuple[int, int]]:
    return writer.run_sync(
        lambda c: c.execute("SELECT first, last FROM ranges WHERE state = ? ORDER BY first", (state,)).fetchall()
    )


def account(writer: Writer) -> ChannelLedger:
    (found,) = writer.run_sync(ledger.balance)
    return found


def sweep(writer: Writer, *ids: int, mark: int | None = None) -> list[tuple[int, int]]:
    writer.run_sync(posts.store, [a_post(i) for i in ids], "sweep", NOW)
    return writer.run_sync(ledger.advance, LEGION.id, mark or max(ids), NOW)


def test_the_first_watch_records_its_start_once(writer: Writer) -> None:
    assert not writer.run_sync(ledger.begin, LEGION.id, 500, NOW)
    assert (account(writer).start, account(writer).mark, account(writer).top) == (100, 100, 100)


def test_an_unwatched_channel_has_no_mark_to_move(writer: Writer) -> None:
    with pytest.raises(ValueError, match="not watched yet"):
        writer.run_sync(ledger.advance, BAZA.id, 5, NOW)


def test_what_a_page_skips_becomes_holes(writer: Writer) -> None:
    assert sweep(writer, 102, 105) == [(101, 101), (103, 104)]
    assert (account(writer).stored, account(writer).open_holes, account(writer).holds) == (2, 3, True)


def test_a_post_pushed_above_the_mark_counts_only_when_the_mark_passes_it(writer: Writer) -> None:
    writer.run_sync(posts.store, [a_post(103)], "push", NOW)
    assert (account(writer).stored, account(writer).holds) == (0, True)
    assert sweep(writer, 102, 104) == [(101, 101)], "what a push stored is no hole"
    assert (account(writer).stored, account(writer).holds) == (3, True)


def test_the_mark_never_moves_back(writer: Writer) -> None:
    sweep(writer, 101, 105)
    assert writer.run_sync(ledger.advance, LEGION.id, 103, NOW, top=200) == []
    assert (account(writer).mark, account(writer).top) == (105, 200)


def test_posts_from_before_the_start_are_outside_the_promise(writer: Writer) -> None:
    writer.run_sync(posts.store, [a_post(50), a_post(100)], "backfill", NOW)
    assert (account(writer).stored, account(writer).holds) == (0, True)


def test_certifying_the_middle_of_a_hole_splits_it(writer: Writer) -> None:
    sweep(writer, 110)
    writer.run_sync(ledger.certify, LEGION.id, [104, 105], NOW)
    assert ranges(writer, "open") == [(101, 103), (106, 109)]
    assert ranges(writer, "empty") == [(104, 105)]
    assert account(writer).holds


def test_empty_ranges_that_touch_become_one(writer: Writer) -> None:
    sweep(writer, 110)
    for ids in ([101, 102], [105], [103, 104], [106, 107, 108, 109]):
        writer.run_sync(ledger.certify, LEGION.id, ids, NOW)
    assert ranges(writer, "empty") == [(101, 109)]
    assert ranges(writer, "open") == []


def test_only_holes_can_be_certified(writer: Writer) -> None:
    sweep(writer, 101, 103)
    writer.run_sync(ledger.certify, LEGION.id, [99, 101, 102, 103, 104, 500], NOW)
    assert ranges(writer, "empty") == [(102, 102)]
    assert account(writer).holds


def test_a_certified_id_that_turns_up_after_all_is_stored_and_counted_once(writer: Writer) -> None:
    sweep(writer, 104)
    writer.run_sync(ledger.certify, LEGION.id, [101, 102, 103], NOW)
    writer.run_sync(posts.store, [a_post(102)], "push", NOW)
    assert ranges(writer, "empty") == [(101, 101), (103, 103)]
    assert account(writer).holds


def test_an_unreadable_id_is_set_aside_and_opened_again_after_an_upgrade(writer: Writer) -> None:
    sweep(writer, 104)
    writer.run_sync(ledger.quarantine, LEGION.id, [102], "unknown constructor", NOW)
    assert (account(writer).quarantined, account(writer).open_holes, account(writer).holds) == (1, 2, True)
    assert writer.run_sync(ledger.reopen_quarantined, "2.0", NOW) == 1
    assert writer.run_sync(ledger.reopen_quarantined, "2.0", NOW) == 0
    assert (account(writer).quarantined, account(writer).open_holes, account(writer).holds) == (0, 3, True)


def test_holes_fall_due_and_are_asked_in_turn(writer: Writer) -> None:
    sweep(writer, 102, 104)
    assert writer.run_sync(ledger.due_holes, NOW, 10) == []
    due = writer.run_sync(ledger.due_holes, NOW + timedelta(seconds=10), 10)
    assert [(hole.first, hole.last, hole.asks) for hole in due] == [(101, 101, 0), (103, 103, 0)]
    assert due[0].newer == a_post(102).date
    writer.run_sync(ledger.ask_again, LEGION.id, [101], 1, NOW + HOUR)
    due = writer.run_sync(ledger.due_holes, NOW + timedelta(seconds=10), 10)
    assert [(hole.first, hole.asks) for hole in due] == [(103, 0)]
    due = writer.run_sync(ledger.due_holes, NOW + 2 * HOUR, 10)
    assert [(hole.first, hole.asks) for hole in due] == [(103, 0), (101, 1)]


def test_a_hole_in_old_history_is_due_at_once(writer: Writer) -> None:
    writer.run_sync(posts.store, [a_post(105)], "sweep", NOW + 9 * HOUR)
    writer.run_sync(ledger.advance, LEGION.id, 105, NOW + 9 * HOUR)
    assert [hole.first for hole in writer.run_sync(ledger.due_holes, NOW + 9 * HOUR, 10)] == [101]


def test_holes_of_a_channel_that_is_no_longer_watched_are_left_alone(writer: Writer) -> None:
    sweep(writer, 105)
    writer.run_sync(channels.set_state, LEGION.id, "removed")
    assert writer.run_sync(ledger.due_holes, NOW + 9 * HOUR, 10) == []
    assert account(writer).holds


IDS = st.integers(95, 130)
ID_SETS = st.frozensets(IDS, max_size=6)


class Ledger(RuleBasedStateMachine):
    """Random sweeps, pushes, asks and certificates against a plain model: a set of ids for each state."""

    def __init__(self) -> None:
        super().__init__()
        self.archive = in_memory()
        self.versions = 0
        self.mark = 100
        self.stored: set[int] = set()
        self.open: set[int] = set()
        self.empty: set[int] = set()
        self.quarantined: set[int] = set()

    def teardown(self) -> None:
        self.archive.close()

    def keep(self, ids: frozenset[int]) -> None:
        self.stored |= ids
        for held in (self.open, self.empty, self.quarantined):
            held.difference_update(ids)

    @rule(ids=ID_SETS, came=st.sampled_from(["push", "hole", "import", "backfill"]))
    def store(self, ids: frozenset[int], came: str) -> None:
        posts.store(self.archive, [a_post(i) for i in ids], came, NOW)
        self.keep(ids)

    @rule(ids=ID_SETS, further=st.integers(0, 4))
    def sweep(self, ids: frozenset[int], further: int) -> None:
        page = frozenset(i for i in ids if i > self.mark)
        mark = max(page, default=self.mark) + further
        posts.store(self.archive, [a_post(i) for i in page], "sweep", NOW)
        ledger.advance(self.archive, LEGION.id, mark, NOW)
        self.keep(page)
        self.open |= set(range(self.mark + 1, mark + 1)) - self.stored
        self.mark = mark

    @rule(ids=ID_SETS)
    def certify(self, ids: frozenset[int]) -> None:
        ledger.certify(self.archive, LEGION.id, ids, NOW)
        changed = ids & (self.open | self.quarantined)
        self.open -= changed
        self.quarantined -= changed
        self.empty |= changed

    @rule(ids=ID_SETS)
    def quarantine(self, ids: frozenset[int]) -> None:
        ledger.quarantine(self.archive, LEGION.id, ids, "why", NOW)
        changed = ids & self.open
        self.open -= changed
        self.quarantined |= changed

    @rule(ids=ID_SETS, asks=st.integers(1, 3))
    def ask_again(self, ids: frozenset[int], asks: int) -> None:
        ledger.ask_again(self.archive, LEGION.id, ids, asks, NOW + asks * HOUR)

    @precondition(lambda self: self.quarantined)
    @rule()
    def reopen(self) -> None:
        self.versions += 1
        ledger.reopen_quarantined(self.archive, str(self.versions), NOW)
        self.open |= self.quarantined
        self.quarantined = set()

    @rule(ids=ID_SETS)
    def other_channel(self, ids: frozenset[int]) -> None:
        posts.store(self.archive, [a_post(i, channel_id=BAZA.id) for i in ids], "sweep", NOW)
        if ids:
            ledger.advance(self.archive, BAZA.id, max(ids), NOW)

    @invariant()
    def the_equation_holds(self) -> None:
        accounts = ledger.balance(self.archive)
        assert all(each.holds for each in accounts)
        mine = next(each for each in accounts if each.channel_id == LEGION.id)
        inside = set(range(101, self.mark + 1))
        assert mine.mark == self.mark
        assert mine.stored == len(self.stored & inside)

    @invariant()
    def the_ranges_are_those_of_the_model(self) -> None:
        for state, held in (("open", self.open), ("empty", self.empty), ("quarantined", self.quarantined)):
            rows = self.archive.execute(
                "SELECT first, last FROM ranges WHERE channel_id = ? AND state = ?", (LEGION.id, state)
            )
            covered = [i for first, last in rows for i in range(first, last + 1)]
            assert sorted(covered) == sorted(held), state


Ledger.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestLedger = Ledger.TestCase
