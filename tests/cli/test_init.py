"""``channelwatch init`` as a real process: piped, and on a terminal."""

import stat
import subprocess
from pathlib import Path

from channelwatch.config import read

from .terminal_child import CHANNELWATCH, TerminalChild, environment

HASH = "0123456789abcdef0123456789abcdef"
TOKEN = "123456789:AAEabcdefghijklmnopqrstuvwxyz012345"


def init(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CHANNELWATCH, "--config", str(folder), "init", *arguments],
        input=typed,
        capture_output=True,
        text=True,
        env=environment(folder.parent, TZ="Europe/Kyiv"),
        check=False,
        timeout=60,
    )


ANSWERS = f"""12345
{HASH}
@border_news
join
https://t.me/s/village_chat
poll

Belgorod Oblast
обстрел OR "прорыв границы"
RU-BEL
{TOKEN}
-1001234567890

y
"""


def test_piped_answers_make_a_folder_that_reads_well(tmp_path: Path) -> None:
    done = init(tmp_path / "config", typed=ANSWERS)
    assert done.returncode == 0, done.stdout + done.stderr
    config = read.load(tmp_path / "config")
    assert [(channel.name, channel.join) for channel in config.channels] == [
        ("@border_news", True),
        ("https://t.me/s/village_chat", False),
    ]
    assert config.channels[0].home == ("RU-BEL",)
    assert config.rules[0].query == 'region:RU-BEL (обстрел OR "прорыв границы")'
    assert config.time.zone == "Europe/Kyiv"
    assert f"API_ID=12345\nAPI_HASH={HASH}\n" in (tmp_path / "config" / ".env").read_text()
    assert "channelwatch --config" in done.stdout


def test_what_will_be_written_is_shown_without_secrets(tmp_path: Path) -> None:
    done = init(tmp_path / "config", typed=ANSWERS)
    assert 'name = "@border_news"' in done.stdout
    assert "API_HASH=***" in done.stdout
    assert HASH not in done.stdout
    assert TOKEN not in done.stdout


def test_join_and_poll_are_told_with_the_lag_to_expect(tmp_path: Path) -> None:
    done = init(tmp_path / "config", typed=ANSWERS)
    assert "posts come within seconds" in done.stdout
    assert "poll (expected lag up to 1" in done.stdout


def test_the_way_past_the_api_page_is_told(tmp_path: Path) -> None:
    done = init(tmp_path / "config", typed=ANSWERS)
    assert "my.telegram.org" in done.stdout
    assert "switch off VPN" in done.stdout


def test_yes_writes_the_example_privately_without_asking(tmp_path: Path) -> None:
    done = init(tmp_path / "config", "--yes")
    assert done.returncode == 0, done.stderr
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "config").iterdir()}
    assert modes == {"channelwatch.toml": 0o600, "rules.toml": 0o600, ".env": 0o600, "rules.d": 0o700}
    assert len(read.load(tmp_path / "config").channels) == 8
    assert "fill in API_ID" in done.stdout


def test_nothing_that_is_there_is_overwritten_unasked(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "rules.toml").write_text('[[rules]]\nname = "mine"\nquery = "танк"\n')
    done = init(folder, "--yes")
    assert "kept " in done.stdout
    assert read.load(folder).rules[0].name == "mine"
    assert (folder / "channelwatch.toml").exists()

    done = init(folder, typed=ANSWERS + "n\nn\nn\n")
    assert "exists. Replace it?" in done.stdout
    assert read.load(folder).rules[0].name == "mine"

    done = init(folder, typed=ANSWERS + "y\ny\ny\n")
    assert done.returncode == 0
    assert read.load(folder).rules[0].name == "first"


def test_a_no_at_the_end_writes_nothing(tmp_path: Path) -> None:
    done = init(tmp_path / "config", typed=ANSWERS.removesuffix("y\n") + "n\n")
    assert done.returncode == 0
    assert "Nothing was written" in done.stdout
    assert not (tmp_path / "config").exists()


def test_answers_that_end_early_write_nothing(tmp_path: Path) -> None:
    done = init(tmp_path / "config", typed="12345\n")
    assert done.returncode == 130
    assert not (tmp_path / "config").exists()


def test_a_bad_answer_is_explained_and_asked_again(tmp_path: Path) -> None:
    typed = f"""my id
12345
nonsense
{HASH}
t.me/+AbCdEf
@border_news
poll
border_news

Belgrod
Belgorod Oblast
(обстрел
обстрел


Kyiv
Europe/Kyiv
y
"""
    done = init(tmp_path / "config", typed=typed)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "an api_id is a number",
        "an api_hash is 32",
        "an invitation link names no channel",
        "in the list already",
        "did you mean Belgorod Oblast",
        "no such zone",
    ):
        assert words in done.stdout
    assert read.load(tmp_path / "config").rules[0].query == "обстрел"


async def test_on_a_terminal_the_bot_token_is_not_shown(tmp_path: Path) -> None:
    async with TerminalChild(tmp_path, "--config", str(tmp_path / "config"), "init") as child:
        for question in ("api_id", "Channel", "Words"):
            await child.expect(question + ("" if question != "api_id" else " (empty"))
            child.type("")
        await child.expect("Bot token")
        child.type(TOKEN)
        await child.expect("Chat that")
        child.type("@my_alerts")
        await child.expect("Time zone")
        child.type("")
        await child.expect("Write these files?")
        child.type("y")
        assert await child.ends() == 0
        assert TOKEN not in child.screen
    assert TOKEN in (tmp_path / "config" / ".env").read_text()
