"""``channelwatch service install`` as a real process."""

import subprocess
from pathlib import Path

import pytest

from .terminal_child import CHANNELWATCH, environment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "channelwatch.toml").write_text('[archive]\nfile = "../data/channelwatch.db"\n')
    return folder


def install(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CHANNELWATCH, "--config", str(folder), "service", "install", *arguments],
        capture_output=True,
        text=True,
        env=environment(folder.parent, **environ),
        check=False,
        timeout=30,
    )


def test_it_writes_a_unit_with_the_paths_of_now_and_says_what_to_do_next(folder: Path) -> None:
    done = install(folder, "--directory", str(folder.parent / "units"), "--run-as", "watcher")
    assert done.returncode == 0, done.stderr
    path = folder.parent / "units" / "channelwatch.service"
    unit = path.read_text()
    archive = folder.parent / "data" / "channelwatch.db"
    assert f"ExecStart={CHANNELWATCH} --config {folder} --archive {archive} run\n" in unit
    assert f"ReadWritePaths={folder.parent}/data\n" in unit
    assert "User=watcher\n" in unit
    assert path.stat().st_mode & 0o777 == 0o644
    assert "systemctl enable --now channelwatch" in done.stdout
    assert "sudo -u watcher channelwatch" in done.stdout


def test_print_gives_the_unit_alone(folder: Path) -> None:
    done = install(folder, "--print")
    assert done.stdout.startswith("# Written by")
    assert done.stdout.endswith("WantedBy=multi-user.target\n")
    assert done.stderr == ""


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    done = install(folder, "--dry-run", "--directory", str(folder.parent / "units"))
    assert "Would write" in done.stdout
    assert not (folder.parent / "units").exists()


def test_a_user_unit_goes_to_the_users_own_folder(folder: Path) -> None:
    done = install(folder, "--user", XDG_CONFIG_HOME=str(folder.parent / "xdg"))
    assert done.returncode == 0, done.stderr
    unit = (folder.parent / "xdg" / "systemd" / "user" / "channelwatch.service").read_text()
    assert "User=" not in unit
    assert "WantedBy=default.target" in unit
    assert "loginctl enable-linger" in done.stdout


def test_under_sudo_it_runs_as_the_person_who_called_it(folder: Path) -> None:
    assert "User=olha\n" in install(folder, "--print", SUDO_USER="olha").stdout


def test_a_folder_that_cannot_be_written_is_told_with_the_way_out(folder: Path) -> None:
    (folder.parent / "units").write_text("a file")
    done = install(folder, "--directory", str(folder.parent / "units"))
    assert done.returncode == 70
    assert "sudo" in done.stderr
    assert "--user" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_config_there_is_nothing_to_install(tmp_path: Path) -> None:
    done = install(tmp_path / "nowhere")
    assert done.returncode == 78
    assert "channelwatch init" in done.stderr
