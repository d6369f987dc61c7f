"""Health says what work is not done; every metric is documented."""

import json
import re
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channelwatch.archive import alerts, journal, outbox, pauses, posts, standing
from channelwatch.archive.file import Archive
from channelwatch.clock import FakeClock, iso
from channelwatch.errors import WatchError
from channelwatch.post import Post
from channelwatch.service.health import HealthServer, ills

NOW = datetime(2023, 5, 22, 9, 0, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path / "a.db")
    with made.open_writer() as writer:
        writer.run_sync(
            lambda c: c.execute(
                "INSERT INTO channels (id, access_hash, name, title, start, mark, top, last_sweep, added_at) "
                "VALUES (1, 2, 'news', 'News', 0, 0, 0, ?, ?)",
                (iso(NOW), iso(NOW)),
            )
        )
        writer.run_sync(journal.note_jobs, [("filter", NOW, NOW, 1, 0, None)])
        yield made


def ills_at(archive: Archive, moment: datetime) -> list[str]:
    reader = archive.reader()
    try:
        return ills(standing.read(reader, moment))
    finally:
        reader.close()


def served(archive: Archive, path: str, *, host: str | None = None) -> tuple[int, str]:
    server = HealthServer(archive.reader, FakeClock(NOW), 0)
    server.start()
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}")
        if host:
            request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
    finally:
        server.stop()


def test_a_watch_that_swept_lately_is_healthy(archive: Archive) -> None:
    assert ills_at(archive, NOW + timedelta(minutes=14)) == []


def test_no_sweep_for_a_quarter_of_an_hour_is_ill(archive: Archive) -> None:
    assert ills_at(archive, NOW + timedelta(minutes=16)) == ["no channel was swept since 2023-05-22T09:00:00Z"]


def test_an_open_outage_makes_health_answer_503_with_the_reason(archive: Archive) -> None:
    with Archive(archive.path).open_writer() as writer:
        writer.run_sync(journal.open_outage, "line", "the line was cut", NOW)
    code, body = served(archive, "/health")
    assert code == 503
    assert json.loads(body)["ills"] == ["line: the line was cut (since 2023-05-22T09:00:00Z)"]


def test_a_foreign_host_header_is_refused(archive: Archive) -> None:
    assert served(archive, "/health", host="evil.example:80")[0] == 403
    assert served(archive, "/elsewhere")[0] == 404


def test_an_archive_that_can_not_be_read_is_ill_and_says_so(archive: Archive) -> None:
    archive.path.rename(archive.path.with_name("elsewhere.db"))
    code, body = served(archive, "/health")
    assert (code, "can't be read" in json.loads(body)["ills"][0]) == (503, True)


def test_what_was_given_up_long_ago_makes_nobody_ill_for_ever(archive: Archive) -> None:
    def give_up(connection: sqlite3.Connection) -> None:
        stored = posts.store(connection, [Post(1, 5, NOW, "text")], "push", NOW)
        alert = alerts.add(connection, post=stored.new[0], severity="warning", state="ringing", reason="new", now=NOW)
        outbox.enqueue(connection, alert, "gone", ["body"], NOW)
        outbox.give_up_unknown(connection, ["desk"])
        connection.execute("DELETE FROM work")
        connection.execute("UPDATE channels SET last_sweep = ?", (iso(NOW + timedelta(days=2)),))

    with Archive(archive.path).open_writer() as writer:
        writer.run_sync(give_up)
    assert ills_at(archive, NOW + timedelta(hours=1)) == ["1 deliveries of the last day were given up"]
    assert ills_at(archive, NOW + timedelta(days=2)) == []


def test_an_outlet_at_fault_is_ill_as_long_as_something_waits_for_it(archive: Archive) -> None:
    def refuse(connection: sqlite3.Connection) -> None:
        stored = posts.store(connection, [Post(1, 5, NOW, "text")], "push", NOW)
        alert = alerts.add(connection, post=stored.new[0], severity="warning", state="ringing", reason="new", now=NOW)
        outbox.enqueue(connection, alert, "desk", ["one", "two"], NOW)
        (claimed,) = outbox.claim(connection, "desk", NOW)
        outbox.refused(connection, claimed.id, "chat not found", NOW)

    with Archive(archive.path).open_writer() as writer:
        writer.run_sync(refuse)
        assert ills_at(archive, NOW) == ["outlet desk: chat not found (since 2023-05-22T09:00:00Z), 2 deliveries wait"]
        writer.run_sync(outbox.give_up_unknown, [])
        assert ills_at(archive, NOW) == ["2 deliveries of the last day were given up"]


def test_a_pause_that_has_ended_this_very_second_is_shown_no_more(archive: Archive) -> None:
    with Archive(archive.path).open_writer() as writer:
        writer.run_sync(pauses.pause, "messages.getHistory", NOW, "flood")
    reader = archive.reader()
    assert standing.read(reader, NOW + timedelta(microseconds=5)).pauses == {}
    assert list(standing.read(reader, NOW - timedelta(microseconds=5)).pauses) == ["messages.getHistory"]
    reader.close()


def test_a_port_that_is_taken_is_told_with_the_remedy(archive: Archive) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder, pytest.raises(WatchError, match="another port"):
        HealthServer(archive.reader, FakeClock(NOW), holder.getsockname()[1])


def test_every_metric_is_documented_and_every_documented_metric_exists(archive: Archive) -> None:
    code, body = served(archive, "/metrics")
    assert code == 200
    there = set(re.findall(r"^# TYPE (channelwatch_\w+)", body, re.MULTILINE))
    written = set(re.findall(r"`(channelwatch_\w+)", DOCS.read_text("utf-8")))
    assert there == written
