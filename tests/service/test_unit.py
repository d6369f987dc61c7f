"""The systemd unit, checked by systemd itself where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from channelwatch.service.unit import system_unit, user_unit

COMMAND = ["/opt/channelwatch/bin/channelwatch"]
CONFIG = Path("/etc/channelwatch")
ARCHIVE = Path("/var/lib/channelwatch/channelwatch.db")

verify = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def settings(unit: str) -> dict[str, list[str]]:
    """Return the values of each key."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_system_unit_restarts_except_for_what_no_restart_heals() -> None:
    unit = settings(system_unit(COMMAND, CONFIG, ARCHIVE, "watcher"))
    assert unit["Type"] == ["notify"]
    assert unit["Restart"] == ["always"]
    assert unit["RestartPreventExitStatus"] == ["77 78"]
    assert unit["TimeoutStopSec"] == ["30"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert unit["User"] == ["watcher"]
    assert unit["ExecStart"] == [f"{COMMAND[0]} --config {CONFIG} --archive {ARCHIVE} run"]


def test_data_under_var_lib_is_made_by_systemd_and_homes_are_out_of_sight() -> None:
    unit = settings(system_unit(COMMAND, CONFIG, ARCHIVE, "watcher"))
    assert unit["StateDirectory"] == ["channelwatch"]
    assert unit["StateDirectoryMode"] == ["0700"]
    assert unit["ProtectHome"] == ["yes"]
    assert "ReadWritePaths" not in unit


def test_data_in_a_home_is_the_only_thing_that_may_be_written() -> None:
    archive = Path("/home/olha/.local/share/channelwatch/channelwatch.db")
    unit = settings(system_unit(COMMAND, CONFIG, archive, "olha"))
    assert unit["ReadWritePaths"] == ["/home/olha/.local/share/channelwatch"]
    assert unit["ProtectHome"] == ["read-only"]
    assert unit["ProtectSystem"] == ["strict"]
    assert "StateDirectory" not in unit


def test_odd_paths_survive_systemds_expansion() -> None:
    unit = settings(user_unit(["/opt/my tools/channelwatch"], Path("/srv/100% $HOME"), Path("/srv/a.db")))
    [start] = unit["ExecStart"]
    assert start == '"/opt/my tools/channelwatch" --config "/srv/100%% $$HOME" --archive /srv/a.db run'


@verify
@pytest.mark.parametrize("kind", ["system", "user"])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, kind: str) -> None:
    command = tmp_path / "bin dir" / "channelwatch"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    if kind == "system":
        text = system_unit([str(command)], tmp_path / "100% config", ARCHIVE, "root")
    else:
        text = user_unit([str(command)], tmp_path / "100% config", ARCHIVE)
    unit = tmp_path / "channelwatch.service"
    unit.write_text(text)
    assert complaints(unit, kind, tmp_path) == []
    unit.write_text(text.replace("Restart=always", "Restart=sometimes"))
    assert complaints(unit, kind, tmp_path) != []  # so it does look


def complaints(unit: Path, kind: str, runtime: Path) -> list[str]:
    """Return what systemd says against a unit."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", f"--{kind}", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(runtime), "HOME": str(runtime)},
    )
    return [line for line in (done.stdout + done.stderr).splitlines() if "channelwatch" in line]


@verify
def test_systemd_calls_its_exposure_ok(tmp_path: Path) -> None:
    unit = tmp_path / "channelwatch.service"
    unit.write_text(system_unit(COMMAND, CONFIG, ARCHIVE, "watcher"))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=25", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-400:] + done.stderr
