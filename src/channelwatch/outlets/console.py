"""The console: a readable block for a person at a terminal, one JSON line per alert for everything else."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TextIO

import msgspec

from channelwatch.errors import OutletError
from channelwatch.outlets.outlet import REPEAT_MARK, Message, Rate

_COLOURS = {"critical": "1;31", "warning": "1;33", "info": "1;34"}
_FOR_PEOPLE = ("block", "marks")


class Console:
    """Writes what `alerts.wording.line` made to a stream, standard output unless told otherwise."""

    rates: tuple[Rate, ...] = ()

    def __init__(self, name: str = "console", stream: TextIO | None = None, *, people: bool | None = None) -> None:
        """`people`: write blocks (True) or JSON lines (False); None asks the stream whether it is a terminal."""
        self.name = name
        self.account = f"console:{name}"
        self._stream = stream
        self._people = people
        self._writing: Future[None] | None = None

    async def send(self, message: Message) -> str:
        """Write one alert; the answer is its id, because a console has none of its own."""
        stream = self._stream or sys.stdout
        people = stream.isatty() if self._people is None else self._people
        text = _block(message, colour=stream.isatty()) if people else _line(message)
        if self._writing is not None and not self._writing.done():
            raise OutletError("standard output takes nothing", remedy="let its reader or terminal go on")
        try:
            self._writing = _in_thread(_write, stream, text)
            await asyncio.shield(asyncio.wrap_future(self._writing))
        except (OSError, ValueError) as error:
            problem = OutletError(f"standard output: {error}", remedy="restart with an open standard output")
        else:
            return str(message.alert)
        raise problem

    async def check(self) -> None:
        """A console is always there."""

    async def close(self) -> None:
        """Leave the stream open: it is not ours."""


def _in_thread(write: Callable[[TextIO, str], None], stream: TextIO, text: str) -> "Future[None]":
    """Write on a thread that nobody waits for at the end: a stopped terminal must not stop the daemon, nor its exit."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            write(stream, text)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, name="console", daemon=True).start()
    return done


def _write(stream: TextIO, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    encoded = text.encode(encoding, "replace")  # an ASCII console shows "?" and goes on
    try:
        file = stream.fileno()
    except (OSError, AttributeError):
        stream.write(encoded.decode(encoding))
        stream.flush()
        return
    stream.flush()
    while encoded:  # past the stream's buffer, whose lock the interpreter wants when it ends
        encoded = encoded[os.write(file, encoded) :]


def _fields(message: Message) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(message.body)
    except msgspec.DecodeError:
        fields = None
    return fields if isinstance(fields, dict) else {"alert": message.alert, "block": message.body + "\n", "marks": []}


def _line(message: Message) -> str:
    fields = _fields(message)
    shown = {key: value for key, value in fields.items() if key not in _FOR_PEOPLE}
    if message.repeat:
        shown["repeat"] = True
    return msgspec.json.encode(shown).decode() + "\n"


def _block(message: Message, *, colour: bool) -> str:
    fields = _fields(message)
    block: str = fields["block"]
    if colour:
        for start, end in reversed(fields["marks"]):
            block = f"{block[:start]}\x1b[1m{block[start:end]}\x1b[0m{block[end:]}"
        first, _, rest = block.partition("\n")
        block = f"\x1b[{_COLOURS[message.severity]}m{first}\x1b[0m\n{rest}"
    return f"\n{REPEAT_MARK if message.repeat else ''}{block}"
