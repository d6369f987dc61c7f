"""Write docs/cli.md from the commands' own help: ``python tools/write_cli_docs.py`` (``--print``: to stdout)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from channelwatch.cli import cli

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """\
# Command line

Written by `tools/write_cli_docs.py` from the commands' own `--help`; a test fails when it is out of date.

Every command but the plays (`demo`, `simulate`) takes `--config DIR` and `--archive FILE`, before or after its name.
Exit codes: 0 good, 1 the answer is no, 2 usage, 70 internal error, 75 try later, 77 login needed, 78 bad config,
130 interrupted.
"""


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Give a command and all below it, each with its full name."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None, below
            yield from commands(found, f"{name} {below}")


def help_of(command: click.Command, name: str) -> str:
    """Return a command's help, the same on every terminal."""
    # Below the root, commands inherit how help is asked for, unless they say otherwise.
    settings = {**cli.context_settings, **command.context_settings}
    names = settings["help_option_names"]
    with click.Context(
        command, info_name=name, terminal_width=100, max_content_width=100, help_option_names=names
    ) as context:
        return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def render() -> str:
    """Return the whole page."""
    found = commands(cli, "channelwatch")
    return "\n".join([HEAD, *(f"## {name}\n\n```text\n{help_of(one, name)}\n```\n" for name, one in found)])


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.buffer.write(render().encode())
    else:
        PAGE.write_text(render(), encoding="utf-8")
        print(f"{PAGE} written")
