"""A person at a terminal, for commands that ask while a connection stays alive.

The line is read on the event loop, not in a thread: the connection keeps breathing while somebody looks for the
code, Ctrl-C ends the wait at once, and the terminal gets its echo back however it ends.
"""

import asyncio
import contextlib
import io
import os
import sys
import termios
from collections.abc import Iterator

import click

from channelwatch.cli.printing import clean


class Terminal:
    """Asks and tells on stdin and stdout, which must both be a terminal."""

    def __init__(self) -> None:
        """Take the process's own terminal; raises UsageError where there is none."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.UsageError(
                "this command asks questions and needs a terminal: run it by hand "
                "(over ssh with `ssh -t`, in a container with `-it`)."
            )
        self._input = sys.stdin.fileno()

    async def ask(self, question: str, *, hidden: bool = False) -> str:
        """Return the line that was typed; raises Abort at end of input (Ctrl-D)."""
        loop = asyncio.get_running_loop()
        line: asyncio.Future[bytes] = loop.create_future()

        def take() -> None:
            typed = os.read(self._input, 4096)  # a terminal hands out whole lines: one read is one answer
            if not line.done():
                line.set_result(typed)

        # First the silence, then the question: else the first letters of a quick typist are shown, and lost.
        with self._quiet() if hidden else contextlib.nullcontext():
            click.echo(f"{clean(question)}: ", nl=False)
            loop.add_reader(self._input, take)
            try:
                typed = await line
            finally:
                loop.remove_reader(self._input)
                if hidden:
                    click.echo()
        if not typed:
            raise click.Abort
        return typed.decode(errors="replace").rstrip("\r\n")

    def tell(self, text: str) -> None:
        """Print a text, foreign parts made harmless."""
        click.echo(clean(text))

    def show_qr(self, url: str) -> None:
        """Draw a QR code with half-block characters, dark on light whatever the terminal's own colours."""
        import segno

        drawn = io.StringIO()
        segno.make(url, error="l", micro=False).terminal(drawn, compact=True)
        for line in drawn.getvalue().splitlines():
            click.echo(f"\x1b[97;40m{line}\x1b[0m", color=True)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        before = termios.tcgetattr(self._input)
        silent = termios.tcgetattr(self._input)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(self._input, termios.TCSAFLUSH, silent)
        try:
            yield
        finally:
            termios.tcsetattr(self._input, termios.TCSADRAIN, before)
