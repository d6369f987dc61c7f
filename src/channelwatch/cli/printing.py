"""What commands print: tables, JSON, and foreign text that cannot drive the terminal."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters and bidirectional overrides: all but tab and line feed."""


def clean(text: str) -> str:
    """Return foreign text with control characters written out (``\\x1b``), safe to print on a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def one_line(text: str, width: int = 100) -> str:
    """Return foreign text on one line of at most `width` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def as_json(value: Any) -> str:
    """Return a value (structs, datetimes and paths included) as JSON on one line that can't drive a terminal either."""
    text = msgspec.json.encode(value, enc_hook=str).decode("utf-8", "surrogatepass")
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: Any) -> None:
    """Print a value as JSON on one line of stdout."""
    click.echo(as_json(value))


def print_table(rows: Iterable[Sequence[Any]], headers: Sequence[str]) -> None:
    """Print rows under headers; nothing but the headers when there are none."""
    from tabulate import tabulate

    cells = [["" if cell is None else clean(str(cell)) for cell in row] for row in rows]
    click.echo(tabulate(cells, headers=headers, tablefmt="simple", disable_numparse=True))
