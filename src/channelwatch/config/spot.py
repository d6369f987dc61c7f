"""Where in the config files a reader is, and where it puts the problems it finds."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from channelwatch.errors import Problem

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def quoted(text: str) -> str:
    """Return a text in double quotes, as TOML and JSON write it."""
    return msgspec.json.encode(text).decode()


class Spot:
    """One place in one file; every spot of a reading adds to the same list of problems."""

    __slots__ = ("file", "path", "problems")

    def __init__(self, problems: list[Problem], file: str, path: str = "") -> None:
        """`path` is dotted: ``rules["border"].query``."""
        self.problems = problems
        self.file = file
        self.path = path

    def key(self, name: str) -> "Spot":
        """Return the spot of a key in this table."""
        return Spot(self.problems, self.file, f"{self.path}.{name}" if self.path else name)

    def entry(self, name: str | int) -> "Spot":
        """Return the spot of one entry of this list: by its name, or by its number (from 1) where it has none."""
        shown = name if isinstance(name, int) else quoted(name)
        return Spot(self.problems, self.file, f"{self.path}[{shown}]")

    def problem(self, message: str, remedy: str = "", detail: str = "") -> None:
        """Note that something is wrong here."""
        self.problems.append(Problem(self.file, self.path, _one_line(message), _one_line(remedy), detail))


def _one_line(text: str) -> str:
    """Write out line ends and other control characters, which values of the files bring along."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def meant(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean "…"?`` for the known name that is most like this one, or an empty string."""
    import difflib  # only people who mistyped pay for it

    by_folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f"did you mean {quoted(by_folded[close[0]])}?" if close else ""


class Entry(NamedTuple):
    """One table as far as it could be read."""

    spot: Spot
    values: dict[str, Any]
