"""``channelwatch check``: everything that is wrong, at once, before the daemon is started."""

import ctypes.util
import importlib.util
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from channelwatch.archive.file import library_warning
from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, print_json
from channelwatch.errors import ConfigError, LoginNeeded, Problem

if TYPE_CHECKING:
    from channelwatch.config.model import Config, Secrets


class _Findings:
    """What a check found: problems stop the daemon, what is missing for the login does too, warnings do not."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.missing: list[Problem] = []
        self.warnings: list[Problem] = []

    @property
    def exit_code(self) -> int:
        """78 for problems, 77 where only the login is missing, else 0."""
        return 78 if self.problems else 77 if self.missing else 0

    def take(self, error: ConfigError) -> None:
        """Take over the problems of an error that are not told already."""
        self.problems += [problem for problem in error.problems if problem not in self.problems]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: ok, folder, problems, missing, warnings.")
@with_workspace
def check(workspace: Workspace, as_json: bool) -> None:
    """Report everything that is wrong with the configuration.

    Looks at the config files, the secrets, the archive and the login, and connects to nothing. Warnings do not change
    the exit code: 0 all good, 77 only the login is missing, 78 something must be corrected.
    """
    found = _Findings()
    config = _config(workspace, found)
    secrets = _secrets(workspace, found)
    if config is not None:
        _check_contents(config, found)
        _check_outlets(config, secrets, found)
        _check_budget(config, found)
    _check_archive(workspace, found)
    if secrets is not None:
        _check_login(workspace, secrets, found)
    _check_machine(found)
    if as_json:
        print_json(_plain(found, config))
    else:
        _show(found, config)
    raise click.exceptions.Exit(found.exit_code)


def _config(workspace: Workspace, found: _Findings) -> "Config | None":
    """Read the configuration; None after its problems were taken over."""
    try:
        return workspace.config
    except ConfigError as error:
        found.take(error)
        return None


def _secrets(workspace: Workspace, found: _Findings) -> "Secrets | None":
    """Read the secrets; None after their problems were taken over, or where there is no config folder."""
    try:
        file = workspace.folder / ".env"
    except ConfigError:
        return None  # already told
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o040:
        found.warnings.append(Problem(".env", "", "may be read by its group", f"run: chmod 600 {file}"))
    try:
        return workspace.secrets
    except ConfigError as error:
        found.take(error)
        return None


def _check_contents(config: "Config", found: _Findings) -> None:
    """Name what is allowed and seldom meant: nothing watched, no rules, queries with a likely slip."""
    from channelwatch.query.parse import warnings

    if not config.channels:
        found.warnings.append(
            Problem("channelwatch.toml", "channels", "no channel is watched", "run: channelwatch channels add @name")
        )
    if not config.rules:
        found.warnings.append(Problem("rules.toml", "rules", "there are no rules: nothing will ever alert"))
    for rule in config.rules:
        for warning in warnings(rule.query):
            found.warnings.append(Problem(rule.file, f'rules["{rule.name}"].query', warning))


def _check_outlets(config: "Config", secrets: "Secrets | None", found: _Findings) -> None:
    """Each outlet can be opened as the daemon opens it; nothing is connected."""
    from channelwatch.outlets import open_outlet

    if secrets is None:
        return  # already told
    for outlet in config.outlets:
        try:
            open_outlet(outlet, secrets)
        except ConfigError as error:
            found.take(error)


def _check_login(workspace: Workspace, secrets: "Secrets", found: _Findings) -> None:
    """The account's application is named, a login lies in the data folder, and nobody else can read it."""
    from channelwatch.telegram import keyfile

    for name, value in (("API_ID", secrets.api_id), ("API_HASH", secrets.api_hash)):
        if value is None:
            remedy = "make one at https://my.telegram.org, API development tools (`channelwatch init` asks for it)"
            found.missing.append(Problem(".env", name, "is not set", remedy))
    try:
        keyfile.load(workspace.data, secrets)
    except LoginNeeded as error:
        found.missing.append(Problem("", "login", str(error.args[0]), error.remedy))
    except ConfigError as error:
        found.take(error)


def _check_budget(config: "Config", found: _Findings) -> None:
    """Name the channels whose `max_lag` the call budget cannot keep."""
    from channelwatch.cli.budget import expected_lags, in_words

    lags = expected_lags(config.channels, config.telegram.pace)
    for channel, lag in zip(config.channels, lags, strict=True):
        if channel.max_lag is not None and lag > channel.max_lag:
            found.warnings.append(
                Problem(
                    "channelwatch.toml",
                    f'channels["{channel.name}"].max_lag',
                    f"the call budget can't keep {in_words(channel.max_lag)}: expect {in_words(lag)}",
                    "set join = true for it, allow it more, or watch fewer channels",
                )
            )


def _check_archive(workspace: Workspace, found: _Findings) -> None:
    """The archive can be written, or made."""
    try:
        path = workspace.archive
    except ConfigError as error:
        found.take(error)
        return
    try:
        _check_archive_file(path.absolute(), found)
    except OSError as error:
        found.problems.append(Problem(str(path), "", f"can't be used: {error.strerror}"))


def _check_archive_file(path: Path, found: _Findings) -> None:
    """See what stands in the way of writing this file and its neighbours; raises OSError."""
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        remedy = "give it to the user that runs channelwatch, or set archive.file"
        found.problems.append(Problem(str(path), "", f"{folder} can't be written", remedy))
    elif folder == path.parent and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        message = "the data folder is open to other users; the login lies there"
        found.warnings.append(Problem(str(folder), "", message, f"run: chmod 700 {folder}"))
    if not path.exists():
        return
    if not os.access(path, os.R_OK | os.W_OK):
        found.problems.append(Problem(str(path), "", "can't be written", "give it to the user that runs channelwatch"))
        return
    with path.open("rb") as file:
        head = file.read(16)
    if head and head != b"SQLite format 3\0":
        found.problems.append(Problem(str(path), "", "is not a SQLite file", "name another file in archive.file"))


def _check_machine(found: _Findings) -> None:
    """What this machine brings: SQLite, and something fast to encrypt with."""
    if warning := library_warning():
        found.warnings.append(Problem("", "", warning))
    if importlib.util.find_spec("cryptg") is None and ctypes.util.find_library("ssl") is None:
        message = "neither cryptg nor OpenSSL is there: encryption runs in pure Python, slowly"
        found.warnings.append(Problem("", "", message, "run: pip install 'channelwatch[fast]'"))


def _plain(found: _Findings, config: "Config | None") -> dict[str, Any]:
    """Return the findings for a program."""

    def plain(problem: Problem) -> dict[str, str]:
        return {name: getattr(problem, name) for name in ("file", "path", "message", "remedy", "detail")}

    return {
        "ok": found.exit_code == 0,
        "folder": None if config is None else str(config.folder),
        "problems": [plain(problem) for problem in found.problems],
        "missing": [plain(problem) for problem in found.missing],
        "warnings": [plain(problem) for problem in found.warnings],
    }


def _show(found: _Findings, config: "Config | None") -> None:
    """Print the findings for a person: a line each, and the spot below where there is one."""
    for problem in found.problems:
        click.secho(f"error: {clean(str(problem))}", fg="red")
        for line in problem.detail.splitlines():
            click.echo(f"    {clean(line)}")
    for problem in found.missing:
        click.secho(f"missing: {clean(str(problem))}", fg="red")
    for problem in found.warnings:
        click.secho(f"warning: {clean(str(problem))}", fg="yellow")
    if config is not None and found.exit_code == 0:
        click.echo(f"{config.folder}: {len(config.channels)} channels, {len(config.rules)} rules: all good")
