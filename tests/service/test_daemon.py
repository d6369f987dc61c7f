"""The daemon as a child process, over real MTProto and real HTTP: signals, exit codes, its socket, its health."""

import asyncio
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channelwatch.archive.file import Archive
from channelwatch.service.stage import Stage
from channelwatch.simulator.botapi import BotApi
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, User, World

TOKEN = "7300001:canary-token-AAAAAAAAAAAAAAAAAAAAAAAAAAAA"
CHAT = 77
RULES = [{"name": "alarm", "query": "тревога", "outlets": ["bot"]}]


class Play(Stage):
    """A stage with one account, one joined and one polled channel, and a bot."""

    user: User
    news: SimChannel
    polled: SimChannel

    def furnish_all(
        self, *, rules: list[dict[str, object]] | None = None, channels: list[SimChannel] | None = None
    ) -> None:
        assert self.api is not None
        shown = channels if channels is not None else [self.news, self.polled]
        self.furnish(
            self.user,
            [{"name": channel.name, "join": channel is self.news} for channel in shown],
            rules if rules is not None else RULES,
            bot_token=TOKEN,
            telegram={"pace": 0},
            outlets={"bot": {"kind": "telegram", "chat": CHAT, "api": self.api.url}},
            health={"port": 0},
        )

    async def watching(self, channels: int = 2) -> None:
        def begun(archive: sqlite3.Connection) -> bool:
            started = archive.execute("SELECT count(*) FROM channels WHERE start IS NOT NULL").fetchone()[0]
            return bool(started == channels)

        assert await self.until(begun, within=20), self.log_tail()

    def ask_command(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            env=self.environment(),
            timeout=60,
            input=stdin,
            check=False,
        )

    async def asked(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(self.ask_command, *words)

    def log(self) -> str:
        return (self.folder / "daemon.log").read_text()


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    world = World(seed=5)
    dc = DataCentre(world, seed=5)
    api = BotApi({TOKEN: "desk_bot"})
    api.add_chat(CHAT)
    async with dc, api:
        stage = Play(tmp_path, dc, api)
        stage.user = world.add_user(phone="+9996620001")
        stage.news = world.add_channel("border_news", "Граница")
        stage.polled = world.add_channel("quiet_town")
        world.join(stage.user, stage.news)
        stage.furnish_all()
        yield stage
        await stage.kill()
        assert dc.crashes == []


async def test_a_post_becomes_one_message_in_the_desks_chat_and_a_clean_stop_leaves_with_zero(play: Play) -> None:
    await play.start()
    await play.watching()
    play.dc.post(play.news, "Воздушная тревога в городе")
    play.dc.post(play.news, "Погода без осадков")
    assert await play.until(lambda a: sent(a) == 1, within=10), play.log_tail()
    assert await play.stop() == 0
    assert play.api is not None
    assert [message.text.count("тревога") > 0 for message in play.api.messages(CHAT)] == [True]
    assert "t.me/border_news/1" in play.api.messages(CHAT)[0].text


async def test_the_past_is_read_and_told_but_never_rings(play: Play) -> None:
    play.dc.load(play.news, [{"text": "Тревога в прошлом", "date": time.time() - 3600}])
    await play.start()
    await until_logged(play, "the past was read")
    line = json.loads(next(line for line in play.log().splitlines() if "the past was read" in line))
    assert line["would_have_rung_in_24_h"] == {"alarm": 1}
    await play.stop()
    connection = play.archive.reader()
    assert (count(connection, "deliveries"), count(connection, "alerts WHERE state = 'quiet'")) == (0, 1)
    connection.close()


async def test_what_was_posted_while_it_was_killed_is_told_once(play: Play) -> None:
    await play.start()
    await play.watching()
    await play.kill()
    play.dc.post(play.news, "Тревога, пока никто не слышит")
    play.dc.post(play.polled, "Тревога в тихом городе")
    await play.start()
    assert await play.until(lambda a: sent(a) == 2, within=15), play.log_tail()
    await play.stop()
    assert play.api is not None
    assert len(play.api.messages(CHAT)) == 2


async def test_a_start_while_telegram_is_away_waits_for_it(play: Play) -> None:
    await play.dc.stop()
    await play.start()
    await asyncio.sleep(0.3)
    await play.dc.start()
    await play.watching()
    play.dc.post(play.news, "Тревога после обрыва")
    assert await play.until(lambda a: sent(a) == 1, within=15), play.log_tail()
    assert await play.stop() == 0


async def test_a_stop_asked_twice_leaves_at_once(play: Play) -> None:
    assert play.api is not None
    await play.start()
    await play.watching()
    play.api.fault("hang", 5)
    play.dc.post(play.news, "Тревога: этот ответ не придёт")
    assert await play.until(lambda a: count(a, "deliveries WHERE state = 'sending'") == 1, within=10), play.log_tail()
    assert play.daemon is not None
    play.daemon.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    play.daemon.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(play.daemon.wait(), 2) == 130


async def test_a_reload_with_a_bad_rule_keeps_the_old_rules_and_says_why(play: Play) -> None:
    await play.start()
    await play.watching()
    rules = play.config / "rules.toml"
    rules.write_text('[[rules]]\nname = "broken"\nquery = "(тревога"\n')
    hang_up(play)
    await until_logged(play, "the old one stays in force")
    assert "broken" in play.log()
    play.dc.post(play.news, "Тревога по старому правилу")
    assert await play.until(lambda a: sent(a) == 1, within=10), play.log_tail()


async def test_a_reload_puts_a_new_rule_and_a_new_channel_in_force(play: Play) -> None:
    late = play.dc.world.add_channel("late_comer")
    play.dc.world.join(play.user, late)
    await play.start()
    await play.watching()
    rules = [*RULES, {"name": "flood", "query": "паводок", "outlets": ["bot"], "channels": ["late_comer"]}]
    (play.config / "channelwatch.toml").unlink()
    play.furnish_all(rules=rules, channels=[play.news, play.polled, late])
    hang_up(play)
    await until_logged(play, "the configuration was read again")
    await play.watching(3)
    play.dc.post(play.news, "Паводок не там")
    play.dc.post(late, "Паводок здесь")
    assert await play.until(lambda a: sent(a) == 1, within=10), play.log_tail()
    connection = play.archive.reader()
    assert connection.execute("SELECT p.text FROM alerts a JOIN posts p ON p.id = a.post_id").fetchall() == [
        ("Паводок здесь",)
    ]
    connection.close()


async def test_a_reload_names_what_only_a_restart_puts_in_force(play: Play) -> None:
    await play.start()
    await play.watching()
    settings = play.config / "channelwatch.toml"
    settings.write_text(settings.read_text().replace("port = 0", "port = 1").replace("pace = 0", "pace = 1"))
    env = play.config / ".env"
    env.write_text(env.read_text().replace("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"))
    hang_up(play)
    await until_logged(play, "the configuration was read again")
    assert [line["event"] for line in map(json.loads, play.log().splitlines()) if "restart" in line["event"]] == [
        "needs a restart: [health] port, API_HASH"
    ]


@pytest.mark.parametrize("replaced", [False, True])
async def test_an_archive_taken_away_ends_the_daemon_with_70_and_a_word(play: Play, replaced: bool) -> None:
    await play.start()
    await play.watching()
    assert await play.stop() == 0
    path, moved = play.archive.path, play.folder / "moved.db"
    shutil.copy(path, play.folder / "old.db")
    await play.start()
    await play.watching()
    play.dc.post(play.news, "Тревога")
    assert await play.until(lambda a: sent(a) == 1, within=10), play.log_tail()
    if replaced:
        path.rename(moved)
        shutil.copy(play.folder / "old.db", path)
    else:
        for one in path.parent.glob("channelwatch.db*"):
            one.unlink()
    assert play.daemon is not None
    assert await asyncio.wait_for(play.daemon.wait(), 20) == 70
    told = [json.loads(line) for line in play.log().splitlines() if "was deleted or replaced while it" in line]
    assert [(line["level"], line["archive"]) for line in told] == [("error", str(path))]
    if replaced:
        assert path.read_bytes() == (play.folder / "old.db").read_bytes()
        assert path.with_name("channelwatch.db-wal").stat().st_size == 0, "nothing is left for the next start to mix in"
        kept = Archive(moved).reader()
        assert sent(kept) == 1, "what was stored is in the file it was stored in"
        kept.close()
        await play.start()
        assert await play.until(lambda a: sent(a) == 1, within=15), "the copy is read on from where it was"


async def test_an_archive_taken_away_just_before_a_stop_is_no_clean_stop(play: Play) -> None:
    await play.start()
    await play.watching()
    play.archive.path.unlink()
    assert await play.stop() == 70
    assert "was deleted or replaced" in play.log()


async def test_a_second_daemon_on_the_same_folder_is_refused(play: Play) -> None:
    await play.start()
    second = await play.asked("run")
    assert second.returncode == 75
    assert str(play.daemon.pid if play.daemon else "") in second.stderr


async def test_without_a_login_it_leaves_with_77(play: Play) -> None:
    (play.folder / "data" / "telegram.key").unlink()
    refused = await play.asked("run")
    assert refused.returncode == 77
    assert "channelwatch login" in refused.stderr


async def test_a_revoked_login_at_the_start_leaves_with_77(play: Play) -> None:
    play.dc.log_out(play.user)
    refused = await play.asked("run")
    assert refused.returncode == 77, refused.stderr
    assert "login" in refused.stderr


async def test_a_bad_configuration_leaves_with_78_and_names_every_problem(play: Play) -> None:
    (play.config / "rules.toml").write_text('[[rules]]\nname = "a"\nquery = "("\nseverity = "loud"\n')
    refused = await play.asked("run")
    assert refused.returncode == 78
    assert 'rules["a"].query' in refused.stderr
    assert 'rules["a"].severity' in refused.stderr


async def test_a_login_lost_while_running_stops_the_calls_but_not_the_daemon(play: Play) -> None:
    await play.start()
    await play.watching()
    play.dc.log_out(play.user)
    play.dc.cut()
    await until_logged(play, "login")
    assert await play.answers()
    assert play.daemon is not None
    assert play.daemon.returncode is None


async def test_health_and_metrics_answer_on_loopback(play: Play) -> None:
    await play.start()
    await play.watching()
    line = next(line for line in play.log().splitlines() if "health is served" in line)
    url = json.loads(line)["url"]
    answer = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
    assert json.loads(answer)["healthy"] is True
    metrics = await asyncio.to_thread(
        lambda: urllib.request.urlopen(url.replace("health", "metrics"), timeout=5).read().decode()
    )
    assert 'channelwatch_channel_posts{channel="border_news"}' in metrics
    assert "channelwatch_healthy 1.0" in metrics


async def test_no_secret_reaches_the_log(play: Play) -> None:
    assert play.api is not None
    play.api.fault("server_error", 2)
    await play.start()
    await play.watching()
    play.dc.post(play.news, "Тревога")
    assert await play.until(lambda a: sent(a) == 1, within=15), play.log_tail()
    await play.stop()
    assert "0123456789abcdef" not in play.log()
    assert "canary-token" not in play.log()
    for name in ("channelwatch.db", "telegram.key", "lock"):
        assert (play.folder / "data" / name).stat().st_mode & 0o077 == 0


async def test_a_secret_that_came_with_a_reload_is_struck_out_too(play: Play) -> None:
    await play.start()
    fresh = "fedcba9876543210fedcba9876543210"
    env = play.config / ".env"
    env.write_text(env.read_text().replace("0123456789abcdef0123456789abcdef", fresh))
    (play.config / "rules.toml").write_text(
        f'[[rules]]\nname = "{fresh}"\nquery = "тревога"\noutlets = ["bot"]\n', encoding="utf-8"
    )
    hang_up(play)
    await until_logged(play, "the configuration was read again")
    (play.config / "rules.toml").write_text(f'[[rules]]\nname = "{fresh}"\nquery = "("\n', encoding="utf-8")
    hang_up(play)
    await until_logged(play, "the old one stays in force")
    assert fresh not in play.log()


async def test_every_writing_command_works_beside_the_running_daemon(play: Play, tmp_path: Path) -> None:
    other = play.dc.world.add_channel("other_town")
    boxed = play.dc.world.add_channel("boxed_news")
    play.dc.world.join(play.user, boxed)
    play.user.folders = [("War", [boxed])]
    await play.start()
    await play.watching()

    old = tmp_path / "old.jsonl"
    old.write_text(
        json.dumps(
            {"channel": "border_news", "message_id": 900, "date": "2023-05-22T09:00:00Z", "text": "тревога была"}
        )
    )
    done = await play.asked("import", str(old))
    assert done.returncode == 0, done.stderr
    assert await play.until(lambda a: count(a, "posts WHERE came = 'import'") == 1, within=5)

    done = await play.asked("channels", "add", "--poll", "https://t.me/other_town/5")
    assert done.returncode == 0, done.stderr
    await play.watching(3)

    done = await play.asked("channels", "import", "--folder", "war")
    assert done.returncode == 0, done.stderr + done.stdout
    looked_up = play.dc.calls["contacts.resolveUsername"]
    await play.watching(4)
    assert play.dc.calls["contacts.resolveUsername"] == looked_up, "the folder's channels need no look-up"

    done = await play.asked("channels", "remove", "--yes", "other_town")
    assert done.returncode == 0, done.stderr
    assert await play.until(lambda a: count(a, f"channels WHERE id = {other.id} AND state = 'removed'") == 1, within=5)

    done = await play.asked("status", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["daemon"]["pid"] == (play.daemon.pid if play.daemon else None)
    assert await play.stop() == 0


async def test_reading_commands_answer_beside_the_daemon_and_without_it(play: Play) -> None:
    await play.start()
    await play.watching()
    play.dc.post(play.news, "Тревога у моста")
    assert await play.until(lambda a: sent(a) == 1, within=10), play.log_tail()
    for running in (True, False):
        hit = await play.asked("search", "--json", "тревоги", "-учения")
        assert json.loads(hit.stdout)["message_id"] == 1
        assert (await play.asked("coverage")).returncode == 0
        shown = await play.asked("show", "https://t.me/border_news/1")
        assert "Тревога у моста" in shown.stdout
        listed = json.loads((await play.asked("alerts", "list", "--json")).stdout)
        alert = listed[0] if isinstance(listed, list) else listed
        assert alert["rule"] == "alarm"
        if running:
            await play.stop()
    assert (await play.asked("status")).returncode == 1


async def test_it_can_be_rehearsed_from_the_command_line_alone(tmp_path: Path) -> None:
    """The demo, as fast as it goes, says in one JSON object that nothing was lost or doubled."""
    done = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "channelwatch", "demo", "--fast", "--json", "--folder", str(tmp_path / "demo")],
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await done.communicate()
    summary = json.loads(out)
    assert done.returncode == 0
    assert summary["lost"] == summary["doubled"] == summary["unbalanced"] == []
    assert {"id", "rule", "channel", "message_id", "places", "reason", "deliveries"} <= summary["alerts"][0].keys()
    assert any("edited into a match" in alert["reason"] for alert in summary["alerts"])
    assert all(channel["holds"] for channel in summary["channels"])


def count(connection: sqlite3.Connection, what: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def sent(connection: sqlite3.Connection) -> int:
    return count(connection, "deliveries WHERE state = 'sent'")


def hang_up(play: Play) -> None:
    assert play.daemon is not None
    play.daemon.send_signal(signal.SIGHUP)


async def until_logged(play: Play, words: str) -> None:
    async with asyncio.timeout(15):
        while words not in play.log():  # noqa: ASYNC110 - the log is another process's
            await asyncio.sleep(0.05)
