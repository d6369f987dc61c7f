"""The command line: a group that imports a command only when it is asked for.

Each module of this folder exposes one click command or group; `COMMANDS` says where. Exit codes: 0 good,
1 the answer is no, 2 usage, 70 internal error, 75 try later, 77 login needed, 78 bad config, 130 interrupted.
"""

import importlib
import os
import sys

import click

from channelwatch import __version__
from channelwatch.errors import WatchError

COMMANDS = {
    "init": "channelwatch.cli.init:init",
    "login": "channelwatch.cli.login:login",
    "check": "channelwatch.cli.check:check",
    "run": "channelwatch.cli.run:run",
    "status": "channelwatch.cli.status:status",
    "coverage": "channelwatch.cli.coverage:coverage",
    "channels": "channelwatch.cli.channels:channels",
    "import": "channelwatch.cli.import_:import_",
    "search": "channelwatch.cli.search:search",
    "show": "channelwatch.cli.show:show",
    "rules": "channelwatch.cli.rules:rules",
    "places": "channelwatch.cli.places:places",
    "alerts": "channelwatch.cli.alerts:alerts",
    "demo": "channelwatch.cli.demo:demo",
    "simulate": "channelwatch.cli.simulate:simulate",
    "service": "channelwatch.cli.service:service",
}
"""Command name → module:attribute, in the order of `--help`."""

SUMMARIES = {
    "init": "Write a commented config folder by asking.",
    "login": "Log in to Telegram, step by step.",
    "check": "Report everything that is wrong with the configuration.",
    "run": "Run the daemon.",
    "status": "Say how the daemon and each channel are doing.",
    "coverage": "Say per channel what we have, and what we know we do not have.",
    "channels": "List, add, remove or import watched channels.",
    "import": "Add posts from JSON lines files to the archive.",
    "search": "Search the archive.",
    "show": "Show a post with its revisions and matches.",
    "rules": "List rules, or test them on posts.",
    "places": "Show the places that texts speak of.",
    "alerts": "List alerts with their deliveries and reasons.",
    "demo": "Play the story of 22 May 2023 with simulator, daemon, alerts and archive.",
    "simulate": "Serve a scripted Telegram world to rehearse against.",
    "service": "Install the daemon as a system service.",
}
"""One line each, so that `--help` imports no command."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None for an unknown name."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the nearest name."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with `SUMMARIES`, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUMMARIES[name]) for name in COMMANDS])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="channelwatch")
@click.option("--config", "config", type=click.Path(), help="Config folder (default: ./config, then the user's).")
@click.option("--archive", "archive", type=click.Path(), help="Archive file (default: as the config says).")
@click.pass_context
def cli(ctx: click.Context, config: str | None, archive: str | None) -> None:
    """Watch public Telegram channels, keep every post, and hear of what matters."""
    ctx.obj = {"config": config, "archive": archive}


def main() -> None:
    """Run the command line and leave with its exit code."""
    os.umask(0o077)
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except SystemExit:
        # What click does here when the reader of our output left (``| head``), and then only: no error, and nothing
        # more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except WatchError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except Exception as error:
        code = _unforeseen(error)
    sys.exit(code if isinstance(code, int) else 0)


def _unforeseen(error: Exception) -> int:
    """Tell of an error that no command foresaw and return its exit code."""
    import sqlite3

    if isinstance(error, sqlite3.Error):
        from channelwatch.archive.file import translated

        told = translated(error)
        click.echo(f"error: the archive: {told}", err=True)
        return told.exit_code
    if isinstance(error, OSError):  # a folder that we may not write, a full disk …: the system's words say it
        click.echo(f"error: {error}", err=True)
        return 70
    import traceback

    traceback.print_exception(error)
    click.echo("error: channelwatch failed in a way that nobody foresaw; please report the lines above", err=True)
    return 70
