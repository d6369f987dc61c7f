"""``channelwatch channels``: the config file is edited and the running daemon told."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from channelwatch.cli import cli
from channelwatch.cli.channels import entries_of
from channelwatch.config import read
from channelwatch.config.model import ChannelConfig
from channelwatch.post import ChannelInfo
from channelwatch.service.control import ControlServer

from .terminal_child import TerminalChild

START = '[archive]\nfile = "../data/watch.db"\n\n# the first\n[[channels]]\nname = "@baza_news"\nalias = "База"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = tmp_path / "config"
    config.mkdir()
    (tmp_path / "data").mkdir()
    (config / "channelwatch.toml").write_text(START, encoding="utf-8")
    return config


def channels(folder: Path, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["channels", *arguments, "--config", str(folder)], input=stdin)


def names(folder: Path) -> list[str]:
    return [channel.name for channel in read.load(folder).channels]


def test_an_id_is_added_without_tricks(folder: Path) -> None:
    result = channels(folder, "add", "-1001234567")
    assert result.exit_code == 0, result.output
    assert names(folder) == ["@baza_news", "-1001234567"]
    assert "No daemon runs" in result.output


def test_every_form_of_a_name_is_added_once(folder: Path) -> None:
    result = channels(folder, "add", "@one_chan", "t.me/two_chan", "https://t.me/s/one_chan/5", "BAZA_NEWS")
    assert result.exit_code == 0, result.output
    assert names(folder) == ["@baza_news", "@one_chan", "t.me/two_chan"]
    assert result.output.count("was watched already") == 2


def test_an_entry_takes_what_was_said_of_it(folder: Path) -> None:
    said = [
        "--home",
        "RU-BEL",
        "--tag",
        "a",
        "--tag",
        "b",
        "--alias",
        "One",
        "--join",
        "--max-lag",
        "2m",
        "--backfill",
        "1d",
    ]
    result = channels(folder, "add", "one_chan", *said, "--group", "g", "--priority", "high")
    assert result.exit_code == 0, result.output
    assert "joined: posts come within about" in result.output
    assert read.load(folder).channels[-1] == ChannelConfig(
        name="one_chan",
        home=("RU-BEL",),
        tags=("a", "b"),
        alias="One",
        join=True,
        max_lag=120.0,
        backfill=86400.0,
        group="g",
        priority="high",
    )


def test_a_list_is_added_but_for_its_bad_lines(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# ours\n@one_chan  # yes\n\nnot a name\n-100777\n", encoding="utf-8")
    result = channels(folder, "add", "--file", str(tmp_path / "list"))
    assert result.exit_code == 1
    assert "line 4: 'not a name' is not a channel name" in result.stderr
    assert names(folder) == ["@baza_news", "@one_chan", "-100777"]
    assert channels(folder, "add", "--file", "-", stdin="two_chan\n").exit_code == 0
    assert names(folder)[-1] == "two_chan"


@pytest.mark.parametrize(
    "arguments",
    [["add"], ["add", "--aliass", "x"], ["add", "-5"], ["add", "a_name", "b_name", "--alias", "x"], ["remove"]],
)
def test_what_makes_no_sense_is_a_usage_error(folder: Path, arguments: list[str]) -> None:
    assert channels(folder, *arguments).exit_code == 2
    assert names(folder) == ["@baza_news"]


def test_a_channel_is_removed_by_any_form_or_its_alias(folder: Path) -> None:
    channels(folder, "add", "-1001234567")
    assert channels(folder, "remove", "-1001234567", "база", "--yes").exit_code == 0
    assert names(folder) == []


def test_removing_asks_and_nobody_there_is_an_error(folder: Path) -> None:
    assert channels(folder, "remove", "baza_news").exit_code == 2
    assert names(folder) == ["@baza_news"]


def test_the_list_says_what_lag_to_expect(folder: Path) -> None:
    assert "База" in channels(folder, "list").output
    (listed,) = json.loads(channels(folder, "list", "--json").output)
    assert listed["name"] == "@baza_news"
    assert listed["lag_expected"] > 10


async def test_the_running_daemon_is_told_and_its_no_is_passed_on(folder: Path) -> None:
    asked: list[dict[str, Any]] = []

    async def reload(request: dict[str, Any], progress: object) -> dict[str, Any]:
        asked.append(request)
        return {}

    server = ControlServer(folder.parent / "data", {"reload": reload})
    await server.start()
    try:
        added = await asyncio.to_thread(channels, folder, "add", "one_chan")
        removed = await asyncio.to_thread(channels, folder, "remove", "one_chan", "--yes")
    finally:
        await server.stop()
    assert added.exit_code == removed.exit_code == 0
    assert "The running daemon knows." in added.output
    assert asked == [{"do": "reload"}] * 2


async def test_on_a_terminal_it_is_asked_per_channel_whether_to_join(folder: Path) -> None:
    arguments = ["channels", "add", "one_chan", "two_chan", "three_chan", "four_chan", "--config", str(folder)]
    async with TerminalChild(folder.parent, *arguments) as child:
        await child.expect("one_chan: join (seconds) or poll (about 15 minutes)?")
        child.type("join")
        await child.expect("two_chan")
        child.type("")
        await child.expect("three_chan")
        child.type("join-all")
        assert await child.ends() == 0
    assert [channel.join for channel in read.load(folder).channels[1:]] == [True, False, True, True]


def test_what_telegram_tells_of_a_folder_becomes_entries() -> None:
    found = [
        ChannelInfo(5, 1, "one_chan", "One", joined=True),
        ChannelInfo(6, 1, None, "Private", joined=True),
        ChannelInfo(7, 1, None, "Private", joined=False),
    ]
    assert entries_of(found) == [
        ChannelConfig(name="@one_chan", join=True),
        ChannelConfig(name="-1006", alias="Private", join=True),
        ChannelConfig(name="-1007", join=False),
    ]
    assert [entry.join for entry in entries_of(found, join=False)] == [False] * 3
