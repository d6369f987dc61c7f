"""``channelwatch service install``: run the daemon under systemd."""

import getpass
import os
import shlex
import sys
from pathlib import Path

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.errors import WatchError

SYSTEM_UNITS = Path("/etc/systemd/system")


@click.group()
def service() -> None:
    """Install the daemon as a system service."""


@service.command()
@click.option("--system/--user", "system", default=True, help="A unit of the machine (default), or of your own user.")
@click.option("--run-as", help="The user that a system unit runs as (default: you, also under sudo).")
@click.option("--dry-run", is_flag=True, help="Say what would be written where, and write nothing.")
@click.option("--print", "only_print", is_flag=True, help="Print the unit and nothing else.")
@click.option("--directory", type=click.Path(path_type=Path), help="Write the unit into this folder instead.")
@with_workspace
def install(
    workspace: Workspace, *, system: bool, run_as: str | None, dry_run: bool, only_print: bool, directory: Path | None
) -> None:
    """Write a hardened systemd unit and say what to do next.

    The unit starts the very channelwatch that writes it, with the config folder and the archive that it sees now;
    log in (`channelwatch login`) as the user that it will run as. systemd restarts the daemon whenever it ends,
    except when it needs a new login (77) or a better configuration (78).
    """
    from channelwatch.service import unit

    user = run_as or os.environ.get("SUDO_USER") or getpass.getuser()
    config, archive = workspace.folder.resolve(), workspace.archive.resolve()  # systemd takes no ".." in paths
    if system:
        text = unit.system_unit(_command(), config, archive, user)
    else:
        text = unit.user_unit(_command(), config, archive)
    if only_print:
        click.echo(text, nl=False)
        return
    path = (directory or (SYSTEM_UNITS if system else _user_units())) / unit.NAME
    if dry_run:
        click.echo(f"Would write {path}:\n\n{text}")
    else:
        _write(path, text)
        click.echo(f"Wrote {path}.")
    if system and user == "root":
        click.echo("It would run as root, which it does not need: name a user with --run-as.", err=True)
    click.echo(_next_steps(system, config, archive, user))


def _command() -> list[str]:
    """Return how to start this very channelwatch: its script beside the running interpreter."""
    script = Path(sys.prefix) / "bin" / "channelwatch"
    if script.exists():
        return [str(script)]
    return [sys.executable, "-m", "channelwatch"]


def _user_units() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)  # systemd wants units that everybody may read; there is no secret in it
    except OSError as error:
        remedy = "run it with sudo (it will still run as you), or install it for yourself alone with --user"
        raise WatchError(f"can't write {path}: {error.strerror}", remedy=remedy) from error


def _next_steps(system: bool, config: Path, archive: Path, user: str) -> str:
    places = f"--config {shlex.quote(str(config))} --archive {shlex.quote(str(archive))}"
    as_user = f"sudo -u {user} " if system and user != getpass.getuser() else ""
    control = "sudo systemctl" if system else "systemctl --user"
    log = "journalctl -u channelwatch -f" if system else "journalctl --user -u channelwatch -f"
    steps = [
        f"{as_user}channelwatch {places} check",
        f"{as_user}channelwatch {places} login     # unless that is done",
        f"{control} daemon-reload",
        f"{control} enable --now channelwatch",
        log,
    ]
    if not system:
        steps.insert(4, "loginctl enable-linger     # so that it runs while you are not logged in")
    return "\nNext:\n" + "\n".join(f"  {step}" for step in steps)
