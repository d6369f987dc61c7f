"""Commands that only read start without what they do not need."""

import subprocess
import sys
from pathlib import Path

import pytest

from channelwatch.archive.file import Archive

HEAVY = ("telethon", "sqlite_utils", "pymorphy3", "apscheduler", "httpx2")

READING = [
    ["search", '"exact phrase"', "--json"],
    ["search", '"exact phrase"', "--since", "2023-05-22", "--limit", "5"],
    ["show", "1"],
    ["status"],
    ["coverage", "--json"],
    ["alerts", "list", "--json"],
    ["channels", "list"],
]

SCRIPT = """
import sys
from channelwatch.cli import main
try:
    main()
finally:
    print(",".join(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", READING, ids=[" ".join(one) for one in READING])
def test_a_command_that_only_reads_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "channelwatch.toml").write_text('[archive]\nfile = "data/watch.db"\n[[channels]]\nname = "baza_news"\n')
    Archive(tmp_path / "data" / "watch.db").open_writer().close()
    command = [sys.executable, "-c", SCRIPT.format(heavy=HEAVY), *arguments, "--config", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1] == "", done.stderr


def test_the_help_of_the_program_imports_no_command() -> None:
    code = "import sys; from channelwatch.cli import cli; cli.main(['--help'], standalone_mode=False); "
    code += "print([name for name in sys.modules if name.startswith('channelwatch.cli.')], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"
