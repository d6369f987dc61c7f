"""The container file says what the documentation promises (no container engine is needed here)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Containerfile").read_text()
INSTRUCTIONS = [line for line in re.sub(r"\\\n\s*", "", TEXT).splitlines() if line and not line.startswith("#")]


def last(name: str) -> str:
    """Return the last instruction of a kind."""
    return [line for line in INSTRUCTIONS if line.startswith(f"{name} ")][-1].removeprefix(f"{name} ")


def test_it_runs_without_root_and_stops_as_the_daemon_expects() -> None:
    assert last("USER") == "10001"
    assert last("STOPSIGNAL") == "SIGTERM"
    assert last("ENTRYPOINT") == '["channelwatch"]'
    assert last("CMD") == '["run"]'


def test_the_health_check_is_a_command_that_exists() -> None:
    from channelwatch.cli import COMMANDS

    found = re.search(r'CMD \["channelwatch", "(\w+)"\]', last("HEALTHCHECK"))
    assert found is not None
    assert found[1] in COMMANDS


def test_what_it_copies_is_there_and_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in INSTRUCTIONS:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored


def test_no_secret_can_slip_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert "**/.env" in ignored


@pytest.mark.parametrize("variable", ["CONFIGURATION_DIRECTORY", "STATE_DIRECTORY"])
def test_its_folders_are_found_the_usual_way(variable: str) -> None:
    assert f"{variable}=/" in last("ENV")
    assert variable in (ROOT / "src/channelwatch/config/paths.py").read_text()
