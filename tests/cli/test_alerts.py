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

from ..service.test_daemon import CHAT, Play, count, hang_up, play, sent  # noqa: F401

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


async def test_a_wrong_chat_costs_no_alert_and_is_told_until_it_is_corrected(play: Play) -> None:  # noqa: F811
    toml = play.config / "channelwatch.toml"
    right = toml.read_text()
    toml.write_text(right.replace(f"chat = {CHAT}", "chat = 9999"))
    await play.start()
    await play.watching()
    play.dc.post(play.news, "Тревога у моста")
    assert await play.until(lambda a: count(a, "outlet_pauses") == 1, within=10), play.log_tail()
    play.dc.post(play.news, "Тревога у вокзала")
    assert await play.until(lambda a: count(a, "deliveries WHERE state = 'due'") == 2, within=10), play.log_tail()

    listed = json.loads((await play.asked("alerts", "list", "--json")).stdout)
    (newest,), (oldest,) = (alert["deliveries"] for alert in listed)
    assert newest["error"] == oldest["error"]
    assert "chat not found — correct outlets.bot.chat" in oldest["error"]
    shown = await play.asked("status")
    assert shown.returncode == 1
    assert "Outlet bot since 20" in shown.stdout
    assert "2 deliveries wait" in shown.stdout
    assert play.log().count("outlet_at_fault") == 1

    toml.write_text(right)
    hang_up(play)
    assert await play.until(lambda a: sent(a) == 2, within=10), play.log_tail()
    assert (await play.asked("status")).returncode == 0
    assert play.api is not None
    assert play.api.answers == {400: 1, 200: 2}


async def test_what_was_given_up_is_resent_by_the_running_daemon_or_dismissed_without_it(play: Play) -> None:  # noqa: F811
    def give_up() -> None:
        with play.archive.open_writer() as writer:
            writer.run_sync(outbox.dead, 1, "message text is empty")

    assert play.api is not None
    await play.start()
    await play.watching()
    play.dc.post(play.news, "Тревога у моста")
    assert await play.until(lambda a: sent(a) == 1, within=10), play.log_tail()
    await play.stop()
    give_up()

    await play.start()
    done = await play.asked("alerts", "resend", "--all", "--dry-run")
    assert (done.returncode, "message text is empty" in done.stdout) == (0, True)
    assert done.stdout.endswith("1 deliveries would be due again\n")
    done = await play.asked("alerts", "resend", "1", "99")
    assert (done.returncode, done.stdout) == (1, "1 deliveries are due again\n")
    assert done.stderr == "alert 99: nothing of it was given up\n"
    assert await play.until(lambda a: sent(a) == 1, within=10), play.log_tail()
    assert len(play.api.messages(CHAT)) == 2
    await play.stop()

    give_up()
    assert json.loads((await play.asked("status", "--json")).stdout)["dead_lately"] == 1
    done = await play.asked("alerts", "dismiss", "--all")
    assert (done.returncode, done.stdout) == (0, "1 deliveries are dismissed\n")
    assert json.loads((await play.asked("status", "--json")).stdout)["dead"] == 0
    (delivery,) = json.loads((await play.asked("alerts", "list", "--json")).stdout)[0]["deliveries"]
    assert (delivery["state"], delivery["error"]) == ("dismissed", "message text is empty")
    assert (await play.asked("alerts", "resend", "--all")).stdout == "0 deliveries are due again\n"
    assert (await play.asked("alerts", "resend")).returncode == 2


async def test_nothing_is_resent_to_an_outlet_that_is_gone(play: Play) -> None:  # noqa: F811
    fill(play.archive.path)
    with play.archive.open_writer() as writer:
        writer.run_sync(outbox.dead, 1, "the configuration has no such outlet any more")
    done = await play.asked("alerts", "resend", "1")
    assert (done.returncode, done.stdout) == (1, "0 deliveries are due again\n")
    assert "there is no outlet desk" in done.stderr
    assert (await play.asked("alerts", "dismiss", "1")).returncode == 0


def test_without_an_archive_nothing_is_made(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["alerts", "dismiss", "--all", "--archive", str(tmp_path / "a.db")])
    assert done.exit_code != 0
    assert list(tmp_path.iterdir()) == []
