"""The command line as a shell meets it: pipes that close, folders that can't be written, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = f"{sys.executable} -m channelwatch"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=folder, timeout=60, check=False)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    posts = tmp_path / "posts.jsonl"
    posts.write_text(
        "".join(
            f'{{"channel": "news", "message_id": {n}, "date": "2023-05-22T09:00:00Z", "text": "обстрел {n} {"x" * 400}"}}\n'
            for n in range(1, 500)
        )
    )
    done = shell(f"{PROGRAM} import --archive a.db posts.jsonl", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "a.db"


def test_a_reader_that_leaves_is_no_error(archive: Path) -> None:
    line = f"{PROGRAM} search --archive a.db --limit 499 обстрел | head -1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    done = shell(line, archive.parent)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_query_typed_wrong_is_wrong_usage(archive: Path) -> None:
    done = shell(f"{PROGRAM} search --archive a.db '('", archive.parent)
    assert done.returncode == 2
    assert "^" in done.stderr


def test_an_archive_that_is_not_there_yet_says_what_to_run(tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} search --archive none.db обстрел", tmp_path)
    assert done.returncode == 75
    assert "channelwatch run" in done.stderr


def test_a_data_folder_that_can_not_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "x.jsonl").write_text("")
    done = shell(f"{PROGRAM} import --archive file/a.db x.jsonl", tmp_path)
    assert done.returncode == 70
    assert "can't be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_channel_name_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    assert shell(f"{PROGRAM} channels add 'bad name!'", tmp_path).returncode == 2
