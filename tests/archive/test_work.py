"""Work for the filter pass, and what it writes down."""

from datetime import timedelta

from channelwatch.archive import posts, work
from channelwatch.archive.writer import Writer
from channelwatch.post import Entity

from .conftest import NOW, a_post


def test_work_comes_in_order_with_all_that_a_rule_asks(writer: Writer) -> None:
    entities = (Entity("text_link", 0, 4, "https://example.org"),)
    writer.run_sync(posts.store, [a_post(102, "one", entities=entities), a_post(101, "two")], "push", NOW)
    first, second = writer.run_sync(work.due, NOW)
    assert (first.message_id, first.text, first.channel, first.came, first.entities) == (
        101,
        "two",
        "legion",
        "push",
        (),
    )
    assert (second.message_id, second.entities, second.queued_at) == (102, entities, NOW)


def test_each_revision_is_looked_at_with_its_own_text(writer: Writer) -> None:
    writer.run_sync(posts.store, [a_post(101, "one")], "push", NOW)
    writer.run_sync(posts.store, [a_post(101, "two", edited=NOW)], "push", NOW)
    assert [(item.revision, item.text, item.text_before) for item in writer.run_sync(work.due, NOW)] == [
        (1, "one", None),
        (2, "two", "one"),
    ]


def test_what_may_ring_does_not_wait_behind_an_import(writer: Writer) -> None:
    writer.run_sync(posts.store, [a_post(i) for i in range(1, 50)], "import", NOW)
    writer.run_sync(posts.store, [a_post(101)], "push", NOW)
    assert [item.message_id for item in writer.run_sync(work.due, NOW, 3)] == [101, 1, 2]
    plan = writer.run_sync(lambda c: c.execute("EXPLAIN QUERY PLAN " + work._DUE, ("", 1)).fetchall())
    assert not [step for *_, step in plan if "TEMP B-TREE" in step], "a slice must not sort all that waits"


def test_a_part_of_an_album_waits(writer: Writer) -> None:
    writer.run_sync(posts.store, [a_post(101, album=9)], "push", NOW)
    assert writer.run_sync(work.due, NOW) == []
    assert writer.run_sync(work.next_due) == NOW + posts.ALBUM_WAIT
    assert len(writer.run_sync(work.due, NOW + posts.ALBUM_WAIT)) == 1


def test_finished_work_is_gone_and_failed_work_comes_back_later(writer: Writer) -> None:
    writer.run_sync(posts.store, [a_post(101), a_post(102)], "push", NOW)
    first, second = writer.run_sync(work.due, NOW)
    writer.run_sync(work.done, [first.id])
    writer.run_sync(work.fail, second.id, "boom", NOW)
    assert writer.run_sync(work.due, NOW) == []
    (again,) = writer.run_sync(work.due, NOW + timedelta(seconds=10))
    assert (again.id, again.failures) == (second.id, 1)
    writer.run_sync(work.done, [again.id])
    assert writer.run_sync(work.next_due) is None
