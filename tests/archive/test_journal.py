"""What the service notes about itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from channelwatch.archive import journal, standing
from channelwatch.archive.file import Archive

NOW = datetime(2023, 5, 22, 9, 0, tzinfo=UTC)


def test_a_killed_daemon_leaves_an_outage_from_its_last_sign_of_life(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db").open_writer() as writer:
        assert writer.run_sync(journal.note_start, NOW) is None
        writer.run_sync(journal.note_alive, NOW + timedelta(minutes=1))
        away = writer.run_sync(journal.note_start, NOW + timedelta(minutes=11))
        assert away == timedelta(minutes=10)
        rows = writer.run_sync(lambda c: c.execute("SELECT what, since, until, reason FROM outages").fetchall())
    assert rows == [("daemon", "2023-05-22T09:01:00Z", "2023-05-22T09:11:00Z", "died")]


def test_a_clean_stop_is_told_from_a_death(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db").open_writer() as writer:
        writer.run_sync(journal.note_start, NOW)
        writer.run_sync(journal.note_stop, NOW + timedelta(minutes=1))
        writer.run_sync(journal.note_start, NOW + timedelta(minutes=2))
        writer.run_sync(journal.note_start, NOW + timedelta(minutes=4))
        rows = writer.run_sync(lambda c: c.execute("SELECT reason FROM outages ORDER BY id").fetchall())
    assert rows == [("stopped",), ("died",)]


def test_an_outage_is_opened_once_and_shown_until_it_is_closed(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db")
    with archive.open_writer() as writer:
        writer.run_sync(journal.open_outage, "line", "cut", NOW)
        writer.run_sync(journal.open_outage, "line", "cut again", NOW + timedelta(seconds=5))
        reader = archive.reader()
        assert standing.read(reader, NOW).outages == (("line", "2023-05-22T09:00:00Z", "cut"),)
        writer.run_sync(journal.close_outage, "line", NOW + timedelta(seconds=9))
        assert standing.read(reader, NOW).outages == ()
        reader.close()


def test_job_runs_keep_the_last_success_through_failures(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db")
    with archive.open_writer() as writer:
        writer.run_sync(journal.note_jobs, [("filter", NOW, NOW, 1, 0, None)])
        writer.run_sync(journal.note_jobs, [("filter", NOW, None, 2, 1, "boom")])
        reader = archive.reader()
        assert standing.read(reader, NOW).jobs == {"filter": ("2023-05-22T09:00:00Z", 1, "boom")}
        reader.close()


def test_what_failed_in_an_earlier_run_is_no_failure_of_this_one(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db")
    with archive.open_writer() as writer:
        writer.run_sync(journal.note_jobs, [("filter", NOW, NOW, 1, 0, None), ("alive", NOW, None, 2, 2, "boom")])
        writer.run_sync(journal.note_start, NOW + timedelta(minutes=1))
        reader = archive.reader()
        assert standing.read(reader, NOW).jobs == {
            "filter": ("2023-05-22T09:00:00Z", 0, None),
            "alive": (None, 0, None),
        }
        reader.close()
