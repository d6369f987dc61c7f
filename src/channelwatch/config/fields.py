"""One TOML table against one struct, field by field, so that every wrong key of it is told at once.

``msgspec.convert`` of a whole table stops at the first error; here each field is converted on its own. Nothing is
bent to fit: a text where a list is wanted is an error, not a list of letters.
"""

import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from channelwatch.config.spot import Spot, meant, quoted
from channelwatch.config.times import seconds

_SECRETS = {"api_id", "api_hash", "phone", "session_string", "bot_token", "password"}
_HOMES = {
    "channels": "channelwatch.toml",
    "outlets": "channelwatch.toml",
    "archive": "channelwatch.toml",
    "rules": "rules.toml (or a file in rules.d)",
}


def read_table(
    kind: type[msgspec.Struct], table: dict[str, Any], spot: Spot, *, given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the fields of `kind` that the table states rightly; every other key of it becomes a problem.

    Paths stay as written; durations are seconds. `given` are fields that the reader sets itself: no key may.
    """
    fields = {field.name: field for field in msgspec.structs.fields(kind) if field.name not in given}
    unknown_keys(table, fields, spot)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                spot.key(name).problem("is missing", f"add {name} = …")
            continue
        try:
            values[name] = _convert(table[name], field.type)
        except ValueError as error:
            spot.key(name).problem(str(error), _remedy(table[name], field.type))
    return values


def unknown_keys(table: dict[str, Any], known: dict[str, Any], spot: Spot) -> None:
    """Note every key of the table that nobody knows."""
    for name in table:
        if name in known:
            continue
        if name.lower().removeprefix("tg_").removeprefix("telegram_") in _SECRETS:
            remedy = f"secrets belong in .env, as {name.upper()}=…"
        elif name in _HOMES and not spot.path:
            remedy = f"it belongs in {_HOMES[name]}"
        else:
            remedy = meant(name, known) or f"known here: {', '.join(known)}"
        spot.key(_bare(name)).problem("unknown key", remedy)


def tables(value: Any, spot: Spot) -> list[dict[str, Any]]:
    """Return the entries of an array of tables (``[[channels]]``); anything else is a problem."""
    if isinstance(value, dict):
        spot.problem(f"[{spot.path}] is one table", f"write [[{spot.path}]], with double brackets, for each entry")
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        spot.problem(f"expected [[{spot.path}]] entries, got {_shown(value)}", f"write [[{spot.path}]] on its own line")
        return []
    return value


def one_table(value: Any, spot: Spot) -> dict[str, Any]:
    """Return a table (``[archive]``); anything else is a problem."""
    if isinstance(value, dict):
        return value
    spot.problem(f"expected a table, got {_shown(value)}", f"write [{spot.path}] on its own line and its keys below it")
    return {}


def _convert(value: Any, kind: Any) -> Any:
    """Return the value as the field's type, or raise ValueError with a sentence."""
    if _holds_duration(kind) and not isinstance(value, bool):
        if isinstance(value, str):
            try:
                value = seconds(value)
            except ValueError:
                raise ValueError(f"expected {_wanted(kind)}, got {_shown(value)}") from None
        elif value != 0:  # 0 is 0 in every unit
            raise ValueError(f"expected {_wanted(kind)}, got {_shown(value)}")
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and not text.strip():
            raise ValueError("is empty")
    try:
        return msgspec.convert(value, kind, dec_hook=_path)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError(f"expected {_wanted(kind)}, got {_shown(value)}") from None


def _path(kind: type, value: Any) -> Any:
    """Make a Path of a text (msgspec leaves this type to us)."""
    if kind is Path and isinstance(value, str) and "\0" not in value:
        return Path(value)
    raise ValueError(f"not a path: {value!r}")


def _arms(kind: Any) -> list[Any]:
    """Return what a type allows, without None: ``int | None`` → ``[int]``."""
    if get_origin(kind) in (types.UnionType, Union):
        return [arm for arm in get_args(kind) if arm is not type(None)]
    return [kind]


def _meta(kind: Any) -> msgspec.Meta | None:
    """Return the Meta of an annotated type."""
    if get_origin(kind) is Annotated:
        return next((one for one in get_args(kind)[1:] if isinstance(one, msgspec.Meta)), None)
    return None


def _holds_duration(kind: Any) -> bool:
    """Tell whether the field is written as a duration."""
    return any((meta := _meta(arm)) is not None and (meta.extra or {}).get("duration") for arm in _arms(kind))


_PLAIN = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path in quotes",
}


def _wanted(kind: Any) -> str:
    """Say in words what a field takes."""
    words = []
    for arm in _arms(kind):
        meta = _meta(arm)
        if meta is not None and meta.description:
            words.append(meta.description)
        elif get_origin(arm) is Literal:
            words.append("one of " + ", ".join(_shown(one) for one in get_args(arm)))
        elif get_origin(arm) is tuple:
            words.append("a list of texts")
        else:
            words.append(_PLAIN.get(arm, "another value"))
    return " or ".join(words)


def _remedy(value: Any, kind: Any) -> str:
    """Say what to write instead, where it is plain."""
    arms = _arms(kind)
    for arm in arms:
        if get_origin(arm) is tuple and isinstance(value, str) and value.strip():
            return f"write [{_shown(value)}]"
        if get_origin(arm) is Literal and isinstance(value, str):
            return meant(value, get_args(arm))
    if isinstance(value, str) and not value.strip():
        return "fill it in, or leave the key out"
    if _holds_duration(kind) and isinstance(value, int) and not isinstance(value, bool):
        return f'say the unit: "{value}s" or "{value}m"'
    if isinstance(value, str) and value.lower() in ("true", "false") and bool in arms:
        return f"write {value.lower()}, without quotes"
    return ""


def _shown(value: Any) -> str:
    """Show a value of TOML, cut to what fits a line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return quoted(value if len(value) <= 40 else value[:39] + "…")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _bare(name: str) -> str:
    """Write a key the way TOML would."""
    plain = name.isascii() and name.replace("-", "_").replace("_", "a").isalnum()
    return name if plain else quoted(name)
