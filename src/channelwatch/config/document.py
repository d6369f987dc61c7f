"""One TOML file as plain values, or a problem with the line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from channelwatch.config.spot import Spot

_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_MOST_BYTES = 16 * 1024 * 1024


def text_of(path: Path, spot: Spot) -> str | None:
    """Return the text of a file (UTF-8, a byte order mark is allowed); None after a problem was noted."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            spot.problem("is larger than 16 MB", "this is not a config file")
            return None
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        Spot(spot.problems, spot.file, f"line {line}").problem("is not UTF-8 text", "save the file as UTF-8")
    except OSError as error:
        spot.problem(f"can't be read: {error.strerror or error}", "check the path and its permissions")
    return None


def parse(text: str, spot: Spot) -> dict[str, Any] | None:
    """Return the file's values; None after a problem with line and column was noted."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _syntax_problem(str(error), text, spot)
    except RecursionError:
        spot.problem("brackets are nested too deeply to be read")
    except ValueError as error:  # a number of thousands of digits
        spot.problem(f"not valid TOML: {error}")
    return None


def _syntax_problem(message: str, text: str, spot: Spot) -> None:
    """Note a syntax error with its place, and the line itself as detail."""
    found = _WHERE.search(message)
    reason = message[: found.start()] if found else message
    lines = text.split("\n")
    if found is not None and found[1]:
        line, column = int(found[1]), int(found[2])
    else:
        line, column = len(lines), len(lines[-1]) + 1
    shown = lines[min(line, len(lines)) - 1].rstrip()
    detail = f"{shown}\n{' ' * (column - 1)}^"
    remedy = "texts need quotes" if reason == "Invalid value" else ""
    place = Spot(spot.problems, spot.file, f"line {line}, column {column}")
    place.problem(f"not valid TOML: {reason[:1].lower()}{reason[1:]}", remedy, detail)
