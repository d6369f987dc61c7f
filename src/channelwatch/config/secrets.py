"""Secrets: ``.env`` beside the config, and the environment, which wins.

Each is taken as ``NAME``, ``TG_NAME`` or ``TELEGRAM_NAME``, and each of these as ``…_FILE``: the path of a file that
holds it (Docker and systemd credentials come that way). An empty value counts as none. The process's own environment
is read, never changed: children must not inherit secrets. No value ever appears in a problem.
"""

import io
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from channelwatch.config.document import text_of
from channelwatch.config.model import Secret, Secrets
from channelwatch.config.paths import MAIN_FILE, beside
from channelwatch.config.spot import Spot, meant
from channelwatch.errors import ConfigError, Problem

ENV_FILE = ".env"
NAMES = ("API_ID", "API_HASH", "PHONE", "SESSION_STRING", "BOT_TOKEN")
_PREFIXES = ("", "TG_", "TELEGRAM_")


def load(folder: Path, environ: Mapping[str, str]) -> Secrets:
    """Read the secrets of a config folder; what is not there stays None.

    Raises ConfigError when ``.env`` can't be read, does not parse, holds an entry nobody knows, or may be read by
    others on this machine, when a ``…_FILE`` can't be read, and when ``API_ID`` is not a number.
    """
    problems: list[Problem] = []
    spot = Spot(problems, ENV_FILE)
    written = _entries(folder / ENV_FILE, spot)
    others = _named_by_outlets(folder)
    known = {prefix + name + end for name in (*NAMES, *others) for prefix in _PREFIXES for end in ("", "_FILE")}
    for name in written:
        if name not in known:
            spot.key(name).problem("unknown entry", meant(name, known) or f"known: {', '.join((*NAMES, *others))}")
    found = {}
    for name in (*NAMES, *others):
        value = _find(name, environ, folder, Spot(problems, "environment")) or _find(name, written, folder, spot)
        if value is not None:
            found[name] = value
    api_id = found.get("API_ID", "")
    if api_id and not (api_id.isascii() and api_id.isdecimal() and 0 < int(api_id[:12]) < 2**31):
        spot.key("API_ID").problem("is not a number", "copy it from https://my.telegram.org, API development tools")
    if problems:
        raise ConfigError(problems)
    kept = {name: Secret(value) for name, value in found.items()}
    return Secrets(
        api_id=int(api_id) if api_id else None,
        api_hash=kept.get("API_HASH"),
        phone=kept.get("PHONE"),
        session_string=kept.get("SESSION_STRING"),
        bot_token=kept.get("BOT_TOKEN"),
        other={name: kept[name] for name in others if name in kept},
    )


def values(secrets: Secrets) -> list[str]:
    """Return every secret as plain text, so that logs can strike them out; the API id is no secret."""
    known = (secrets.api_hash, secrets.phone, secrets.session_string, secrets.bot_token, *secrets.other.values())
    return [secret.reveal() for secret in known if secret is not None]


def _entries(file: Path, spot: Spot) -> dict[str, str]:
    """Read ``.env``; values are taken as they stand, a ``$`` in them means nothing."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        return {}
    except OSError as error:
        spot.problem(f"can't be read: {error.strerror}")
        return {}
    if mode & 0o007:
        spot.problem(f"may be read by everybody on this machine (mode {mode:04o})", f"run: chmod 600 {file}")
    text = text_of(file, spot)
    entries = {}
    for binding in parse_stream(io.StringIO(text or "")):
        if binding.error or (binding.key is not None and binding.value is None):
            place = Spot(spot.problems, spot.file, f"line {binding.original.line}")
            place.problem("is not NAME=value", "quote a value that holds quotes or spaces")
        elif binding.key is not None:
            entries[binding.key] = binding.value or ""
    return entries


def _named_by_outlets(folder: Path) -> tuple[str, ...]:
    """Return the entries that outlets' ``token`` keys name, as far as the config can be read."""
    try:
        outlets = tomllib.loads((folder / MAIN_FILE).read_text(encoding="utf-8-sig")).get("outlets")
    except (OSError, ValueError, RecursionError):
        return ()  # `read.load` says what is wrong with the file
    tables = outlets.values() if isinstance(outlets, dict) else ()
    named = [table.get("token") for table in tables if isinstance(table, dict)]
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str) and name not in NAMES))


def _find(name: str, source: Mapping[str, str], folder: Path, spot: Spot) -> str | None:
    """Return the value of a secret in one source, by any of its spellings."""
    for prefix in _PREFIXES:
        value = source.get(prefix + name, "").strip()
        if value:
            return value
        file = source.get(f"{prefix}{name}_FILE", "").strip()
        if file:
            place = spot.key(f"{prefix}{name}_FILE")
            try:
                value = beside(folder, Path(file)).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                reason = (error.strerror or "") if isinstance(error, OSError) else "it is not a text file"
                place.problem(f"{file} can't be read: {reason}")
                continue
            if value:
                return value
            place.problem(f"{file} is empty")
    return None
