"""``search``, ``show``, ``coverage`` and ``import`` as a person types them, through a real shell."""

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from channelwatch.archive import channels, ledger, posts
from channelwatch.archive.file import Archive
from channelwatch.cli.search import typed
from channelwatch.clock import from_iso
from channelwatch.post import ChannelInfo, Entity, Post

NOW = from_iso("2023-05-22T09:00:00Z")
LEGION = ChannelInfo(id=1001, access_hash=7, name="legion", title="Legion", joined=True)
Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "channelwatch.toml").write_text(
        f'[archive]\nfile = "{tmp_path / "data" / "a.db"}"\n[time]\nzone = "Europe/Kyiv"\n'
    )
    texts = [
        "Обстрел Козинки",
        "учебный обстрел",
        "тревога \x1b[31mкрасная\x07\x9b",
        "exact phrase here",
        "phrase exact",
    ]
    with Archive(tmp_path / "data" / "a.db").open_writer() as writer:
        writer.run_sync(channels.upsert, LEGION, None, NOW)
        writer.run_sync(ledger.begin, LEGION.id, 0, NOW)
        batch = [
            Post(
                channel_id=LEGION.id,
                message_id=i,
                date=from_iso(f"2023-05-{20 + i}T21:30:00Z"),
                text=text,
                entities=(Entity("text_link", 0, 7, "https://example.org/\x1b]0;x"),) if i == 1 else (),
            )
            for i, text in enumerate(texts, 1)
        ]
        writer.run_sync(posts.store, batch, "sweep", NOW)
        writer.run_sync(ledger.advance, LEGION.id, 6, NOW)
    return tmp_path


@pytest.fixture
def sh(folder: Path) -> Shell:
    """Run a line in a real shell, in a folder whose ./config is ours."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = f"{shlex.quote(sys.executable)} -m channelwatch"
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            ["/bin/sh", "-c", line.replace("channelwatch", command, 1)],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def found(done: subprocess.CompletedProcess[str]) -> list[int]:
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line)["message_id"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("search обстрел --json", [2, 1]),
        ("search обстрел -учебный --json", [1]),
        ("search --json обстрел -учебный", [1]),
        ("search 'обстрел -учебный' --json", [1]),
        ("search обстрел -json --json", [2, 1]),
        ("search обстрел -h --json", [2, 1]),
        ("search обстрел OR тревога --json", [3, 2, 1]),
        ("search '\"exact phrase\"' --json", [4]),
        ('search \\"exact phrase\\" --json', [4]),
        ('search channel:legion "exact phrase" --json', [4]),
        ('search channel:legion -"exact phrase" -обстрел -тревога --json', [5]),
        ("search обстрел --limit 1 --json", [2]),
        ("search обстрел --channel @legion --json", [2, 1]),
        # 21:30 UTC is 00:30 of the next day in Kyiv: times typed are in the configured zone
        ("search обстрел --since 2023-05-23 --json", [2]),
        ("search обстрел --until 2023-05-23 --json", [1]),
        ("search обстрел --since 2023-05-22T00:30 --until 2023-05-23T00:30 --json", [1]),
        ("search обстрел --since 1d --json", []),
        ("search ничего --json", []),
    ],
)
def test_a_query_needs_no_quotes_and_bounds_are_in_the_zone(sh: Shell, line: str, expected: list[int]) -> None:
    done = sh(f"channelwatch {line}")
    assert found(done) == expected
    assert done.returncode == (0 if expected else 1)


def test_a_hit_as_json_holds_what_other_commands_read(sh: Shell) -> None:
    (line,) = sh("channelwatch search козинка --json").stdout.splitlines()
    hit = json.loads(line)
    assert hit["channel"] == "legion"
    assert hit["date"] == "2023-05-21T21:30:00Z"
    assert hit["url"] == "https://t.me/legion/1"
    assert hit["spans"] == [[8, 15, "козинка"]]
    assert hit["places"] == []


def test_what_people_read_can_not_drive_their_terminal(sh: Shell) -> None:
    for line in ("search тревога", "search --json тревога", "show legion/3", "show legion/1", "show --json legion/3"):
        done = sh(f"channelwatch {line}")
        assert done.returncode == 0, done.stderr
        assert not set(done.stdout) & set(map(chr, (*range(9), *range(11, 32), 127, *range(128, 160)))), line
    assert "\\x1b[31mкрасная\\x07\\x9b" in sh("channelwatch search тревога").stdout


def test_mistakes_are_told_apart_from_finding_nothing(sh: Shell) -> None:
    for line, code, words in (
        ("search обстрел --channel nobody", 2, "no channel"),
        ("search обстрел --limti 5", 2, "--limti"),
        ("search обстрел --since yesterdayish", 2, "no time"),
        ("search 'обстрел ('", 2, "обстрел ("),
        ("search", 2, "QUERY"),
        ("search обстрел --archive ./none.db", 75, "no archive"),
        ("search обстрел --archive ./data", 70, "a folder"),
        ("search обстрел --limit 99999999999999999999", 2, "--limit"),
        ("alerts list --limit 99999999999999999999", 2, "--limit"),
        ("import config/channelwatch.toml --archive /proc/none/a.db", 70, "can't be written"),
    ):
        done = sh(f"channelwatch {line}")
        assert (done.returncode, words in done.stderr) == (code, True), (line, done.stderr)


def test_several_words_keep_what_the_shell_quoted_together() -> None:
    assert typed(["a OR b"]) == "a OR b"
    assert typed(["обстрел", "Белгородская область"]) == 'обстрел "Белгородская область"'
    assert typed(["обстрел", "-точная фраза"]) == 'обстрел -"точная фраза"'
    assert typed(["x", "region:Белгородская область"]) == 'x region:"Белгородская область"'
    assert typed(["x", "a OR b"]) == "x (a OR b)"
    assert typed(["x", '"a b"', "-(c d)"]) == 'x "a b" -(c d)'


@pytest.mark.parametrize(
    "name", ["t.me/legion/1", "https://t.me/s/legion/1?single", "legion/1", "@legion/1", "t.me/c/1001/1", "ID"]
)
def test_a_post_is_shown_however_it_is_named(sh: Shell, folder: Path, name: str) -> None:
    with closing(sqlite3.connect(folder / "data" / "a.db")) as connection:
        (rowid,) = connection.execute("SELECT id FROM posts WHERE message_id = 1").fetchone()
    done = sh(f"channelwatch show '{str(rowid) if name == 'ID' else name}' --json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["text"], shown["came"], len(shown["revisions"])) == ("Обстрел Козинки", "sweep", 1)


def test_a_post_that_we_do_not_have_is_no(sh: Shell) -> None:
    for name in ("t.me/legion/999", "t.me/nobody/1", "12345", "nonsense", "99999999999999999999999"):
        done = sh(f"channelwatch show {name}")
        assert (done.returncode, "has no post" in done.stderr) == (1, True), name


def test_coverage_accounts_for_every_id(sh: Shell, folder: Path) -> None:
    done = sh("channelwatch coverage --json")
    assert done.returncode == 0, done.stderr
    (account,) = json.loads(done.stdout)["channels"]
    assert {name: account[name] for name in ("channel", "start", "mark", "stored", "open_holes", "holds")} == {
        "channel": "legion",
        "start": 0,
        "mark": 6,
        "stored": 5,
        "open_holes": 1,
        "holds": True,
    }
    assert "legion" in sh("channelwatch coverage").stdout
    with closing(sqlite3.connect(folder / "data" / "a.db")) as connection:
        connection.execute("DELETE FROM ranges")
        connection.commit()
    done = sh("channelwatch coverage")
    assert (done.returncode, "NO" in done.stdout) == (1, True)


def test_an_import_keeps_the_good_lines_names_the_bad_and_repeats_without_doubles(sh: Shell, folder: Path) -> None:
    good = {"channel": "warmonitor", "date": "2023-05-22", "text": "тревога из файла"}
    lines = [json.dumps({**good, "message_id": i}, ensure_ascii=False).encode() for i in range(1, 1200)]
    lines[600:600] = [b"{oops", b"\xff\xfe"]
    (folder / "posts.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    first = sh("channelwatch import posts.jsonl")
    assert first.returncode == 1
    assert "posts.jsonl:601: " in first.stderr
    assert "posts.jsonl:602: not UTF-8" in first.stderr
    assert first.stdout == "posts.jsonl: 1199 new posts, 0 known already, 2 bad lines\n"
    second = sh("channelwatch import posts.jsonl")
    assert second.stdout == "posts.jsonl: 0 new posts, 1199 known already, 2 bad lines\n"
    assert len(found(sh("channelwatch search файл --limit 5000 --json"))) == 1199


def test_an_import_makes_an_archive_where_there_is_none(sh: Shell, folder: Path) -> None:
    shutil.rmtree(folder / "data")
    (folder / "one.jsonl").write_text('{"channel": "4ch", "message_id": 7, "date": "2023-05-22", "text": "x"}\n')
    done = sh("channelwatch import one.jsonl")
    assert (done.returncode, done.stdout) == (0, "one.jsonl: 1 new posts, 0 known already, 0 bad lines\n")
    assert sh("channelwatch show 4ch/7").returncode == 0
