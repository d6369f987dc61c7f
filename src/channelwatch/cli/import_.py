"""``channelwatch import``: posts from JSON lines files into the archive."""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean
from channelwatch.clock import SystemClock

if TYPE_CHECKING:
    from channelwatch.archive.importing import Imported

Take = Callable[[list[str], int], "Imported"]
"""Stores some lines, of which the first has this number."""


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_workspace
def import_(workspace: Workspace, files: tuple[Path, ...]) -> None:
    """Add posts from JSON lines files to the archive.

    Each line is an object with channel, message_id, date, text, and optionally views, forwards, edited, url. A bad line
    is reported with its number and the rest is kept. Importing twice doubles nothing; imported posts are matched by the
    rules but never ring. Works beside a running daemon. Exit code 1 when some line was bad.
    """
    from contextlib import ExitStack

    bad = 0
    with ExitStack() as stack:
        take = _taker(workspace, stack)
        for file in files:
            bad += _import(file, take)
    if bad:
        raise click.exceptions.Exit(1)


def _taker(workspace: Workspace, stack: Any) -> Take:
    """Return what stores lines: the running daemon, or the archive itself under the instance lock."""
    import msgspec

    from channelwatch.archive.file import Archive
    from channelwatch.archive.importing import Imported, import_lines
    from channelwatch.service.control import ask
    from channelwatch.service.lock import InstanceLock

    if ask(workspace.data, {"do": "ping"}, timeout=10.0) is not None:

        def over_the_socket(lines: list[str], first: int) -> Imported:
            answer = ask(workspace.data, {"do": "import", "lines": lines, "first": first}, timeout=300.0)
            if answer is None:
                raise click.ClickException("the daemon stopped meanwhile; run the same import again")
            return msgspec.convert(answer, Imported)

        return over_the_socket

    stack.enter_context(InstanceLock(workspace.data))
    writer = Archive(workspace.archive).open_writer()
    stack.callback(writer.close)
    return lambda lines, first: writer.run_sync(import_lines, lines, first, SystemClock().now())


def _import(path: Path, take: Take) -> int:
    """Import one file and say what became of it; return how many lines were bad."""
    new = revised = known = 0
    bad: list[tuple[int, str]] = []
    bar = click.progressbar(
        length=path.stat().st_size, label=path.name, file=sys.stderr, hidden=not sys.stderr.isatty()
    )
    with path.open("rb") as file, bar:
        for number, raw in _batches(file):
            lines, undecodable = _decoded(raw, number)
            done = take(lines, number)
            new, revised, known = new + done.new, revised + done.revised, known + done.known
            bad += sorted([(line.number, line.problem) for line in done.bad] + undecodable)
            bar.update(sum(map(len, raw)))
    for place, problem in bad:
        click.echo(f"{path}:{place}: {clean(problem)}", err=True)
    edits = f", {revised} with a new text" if revised else ""
    click.echo(f"{path}: {new} new posts{edits}, {known} known already, {len(bad)} bad lines")
    return len(bad)


def _batches(file: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """Yield some lines of the file at a time, with the number of the first."""
    from channelwatch.archive.importing import BATCH

    number = 1
    while raw := list(islice(file, BATCH)):
        yield number, raw
        number += len(raw)


def _decoded(raw: list[bytes], first: int) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the lines as text, an empty one for each that is no UTF-8, and what is wrong with those."""
    lines, bad = [], []
    for number, line in enumerate(raw, first):
        try:
            lines.append(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError:
            lines.append("")
            bad.append((number, "not UTF-8"))
    return lines, bad
