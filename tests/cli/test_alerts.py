import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner, Result

from channelwatch.archive import alerts, matches, outbox, posts, rules
from channelwatch.archive.channels import upsert
from channelwatch.archive.file import Archive
from channelwatch.cli import cli
from channelwatch.config.model import RuleConfig
from channelwatch.post import ChannelInfo, Post
from channelwatch.query import Evidence, Span

NOW = datetime(2023, 5, 22, 9, 15, tzinfo=UTC)


def fill(path: Path) -> None:
    """Store one alert that was sent, in an archive of its own."""
    with Archive(path).open_writer() as writer:
        writer.run_sync(upsert, ChannelInfo(5, 1, "legion", "Legion", False), None, NOW)
        (post,) = writer.run_sync(posts.store, [Post(5, 77, NOW, "обстрел")], "push", NOW).new
        (rule,) = writer.run_sync(rules.sync, [RuleConfig(name="border\x1b[2J", query="обстрел")], NOW)
        evidence = Evidence((Span(0, 7, "обстрел"),))
        found = writer.run_sync(matches.add, [matches.Match(rule.id, post, 1, evidence)], NOW)
        alert = writer.run_sync(
            lambda c: alerts.add(c, post=post, severity="warning", state="ringing", reason="new", now=NOW)
        )
        writer.run_sync(alerts.link, alert, found)
        writer.run_sync(outbox.enqueue, alert, "desk", ["<b>обстрел</b>"], NOW)
        (claimed,) = writer.run_sync(outbox.claim, "desk", NOW)
        writer.run_sync(outbox.sent, claimed.id, "4711", NOW)


def run(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["alerts", "list", "--archive", str(path), *arguments], catch_exceptions=False)


def test_the_list_as_json_has_alerts_with_rules_places_and_deliveries(tmp_path: Path) -> None:
    fill(tmp_path / "a.db")
    (alert,) = json.loads(run(tmp_path / "a.db", "--json").stdout)
    (delivery,) = alert.pop("deliveries")
    assert alert == {
        "id": 1,
        "rule": "border\x1b[2J",
        "rules": ["border\x1b[2J"],
        "channel": "legion",
        "message_id": 77,
        "url": "https://t.me/legion/77",
        "places": [],
        "regions": [],
        "severity": "warning",
        "state": "ringing",
        "reason": "new",
        "raised_at": "2023-05-22T09:15:00Z",
    }
    assert (delivery["outlet"], delivery["state"], delivery["remote_id"], delivery["sent_at"]) == (
        "desk",
        "sent",
        "4711",
        "2023-05-22T09:15:00Z",
    )


def test_the_list_for_people_cannot_drive_the_terminal(tmp_path: Path) -> None:
    fill(tmp_path / "a.db")
    shown = run(tmp_path / "a.db").stdout
    assert "https://t.me/legion/77" in shown
    assert "desk sent" in shown
    assert "\x1b" not in shown


def test_the_list_can_be_of_those_that_stayed_quiet_only(tmp_path: Path) -> None:
    fill(tmp_path / "a.db")
    assert len(json.loads(run(tmp_path / "a.db", "--json", "--state", "ringing").stdout)) == 1
    assert json.loads(run(tmp_path / "a.db", "--json", "--state", "quiet").stdout) == []


def test_an_empty_archive_has_no_alerts(tmp_path: Path) -> None:
    Archive(tmp_path / "a.db").open_writer().close()
    assert run(tmp_path / "a.db").stdout == "No alerts.\n"
    assert json.loads(run(tmp_path / "a.db", "--json").stdout) == []


def test_it_starts_without_the_heavy_libraries(tmp_path: Path) -> None:
    fill(tmp_path / "a.db")
    code = f"""
import sys
from channelwatch.cli import cli
cli.main(["alerts", "list", "--archive", {str(tmp_path / "a.db")!r}], standalone_mode=False)
heavy = {{"telethon", "sqlite_utils", "pymorphy3", "apscheduler", "httpx2", "structlog"}} & set(sys.modules)
sys.exit(", ".join(heavy))
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr.strip() == ""
    )
