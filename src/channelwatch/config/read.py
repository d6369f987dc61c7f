"""From a folder of TOML files to one checked `Config`, or to every problem at once.

``channelwatch.toml`` holds channels, outlets and settings; ``rules.toml`` and ``rules.d/*.toml`` hold rules. Defaults
stand in `model`; the environment holds secrets only. Nothing is skipped with a warning: a folder that has one problem
is not used at all, and whoever holds a good `Config` keeps it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from channelwatch.config import document, paths
from channelwatch.config.fields import one_table, read_table, tables, unknown_keys
from channelwatch.config.model import (
    AlertsConfig,
    ArchiveConfig,
    BackfillConfig,
    ChannelConfig,
    Config,
    HealthConfig,
    OutletConfig,
    RuleConfig,
    TelegramConfig,
    TimeConfig,
)
from channelwatch.config.spot import Entry, Spot
from channelwatch.errors import ConfigError, Problem

RULES_FILE = "rules.toml"
RULES_FOLDER = "rules.d"

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "archive": ArchiveConfig,
    "telegram": TelegramConfig,
    "alerts": AlertsConfig,
    "backfill": BackfillConfig,
    "time": TimeConfig,
    "health": HealthConfig,
}
"""The tables of ``channelwatch.toml`` beside ``[[channels]]`` and ``[outlets.NAME]``."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def load(folder: Path, *, instead: Mapping[str, str] | None = None) -> Config:
    """Read and check a config folder; relative paths in it come back absolute.

    `instead` gives texts to read in place of files (``{"channelwatch.toml": …}``), so that an edit can be checked
    before it is written. Raises ConfigError with every problem of every file.
    """
    from channelwatch.config import checks

    folder = folder.absolute()
    reading = _Reading(folder, instead or {})
    main = reading.document(paths.MAIN_FILE)
    sections, channels, outlets = reading.main(main or {})
    rules = reading.rules()
    known = main is not None
    checks.check_channels(channels)
    checks.check_outlets(list(outlets.values()))
    checks.check_rules(rules, channels if known else None, outlets if known else None)
    checks.check_telegram(*sections["telegram"])
    checks.check_time(*sections["time"])
    checks.check_archive(*sections["archive"])
    if reading.problems:
        raise ConfigError(_in_order(reading.problems))
    made: dict[str, Any] = {name: SECTIONS[name](**entry.values) for name, entry in sections.items()}
    return Config(
        folder=folder,
        channels=tuple(ChannelConfig(**entry.values) for entry in channels),
        rules=tuple(RuleConfig(**entry.values, file=entry.spot.file) for entry in rules),
        outlets=_with_console([OutletConfig(name=name, **_chat(entry.values)) for name, entry in outlets.items()]),
        **made,
    )


def archive_path(folder: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Return the archive file that this folder's config means, absolute; it need not exist.

    Reads ``[archive]`` alone and never imports what rules need. Raises ConfigError when that table is wrong.
    """
    file = _section(folder.absolute(), "archive", ArchiveConfig).file
    if file is not None:
        return file
    return paths.data_folder(os.environ if environ is None else environ) / paths.ARCHIVE_NAME


def zone(folder: Path) -> str:
    """Return the name of the zone for times typed and shown; as light as ``archive_path``."""
    return _section(folder.absolute(), "time", TimeConfig).zone


def telegram(folder: Path) -> TelegramConfig:
    """Return ``[telegram]`` alone, so that a login waits for no rule to be right; raises ConfigError."""
    return _section(folder.absolute(), "telegram", TelegramConfig)


def _section(folder: Path, name: str, kind: type[_Struct]) -> _Struct:
    """Read one table of ``channelwatch.toml`` and nothing else."""
    reading = _Reading(folder, {})
    entry = reading.section(name, (reading.document(paths.MAIN_FILE) or {}).get(name, {}))
    if kind is not ArchiveConfig:
        from channelwatch.config import checks  # not where only the archive's place is asked for: it is light

        check = {TimeConfig: checks.check_time, TelegramConfig: checks.check_telegram}[kind]
        check(*entry)
    if reading.problems:
        raise ConfigError(reading.problems)
    return kind(**entry.values)


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Put together what was found of one file, and in it of one entry, in the order of finding."""

    def entry(problem: Problem) -> str:
        return problem.path.split("]")[0]

    files = list(dict.fromkeys([paths.MAIN_FILE, *(problem.file for problem in problems)]))
    entries = list(dict.fromkeys((problem.file, entry(problem)) for problem in problems))
    return sorted(problems, key=lambda one: (files.index(one.file), entries.index((one.file, entry(one)))))


def _with_console(outlets: list[OutletConfig]) -> tuple[OutletConfig, ...]:
    """Put the console first where nobody wrote it down: it is always there."""
    if any(outlet.name == "console" for outlet in outlets):
        return tuple(outlets)
    return (OutletConfig(name="console", kind="console"), *outlets)


def _chat(values: dict[str, Any]) -> dict[str, Any]:
    """Hold a chat id that was written in quotes as the number it is."""
    chat = values.get("chat")
    return {**values, "chat": int(chat)} if isinstance(chat, str) and not chat.startswith("@") else values


class _Reading:
    """One pass over a folder; `problems` grows while it goes on."""

    def __init__(self, folder: Path, instead: Mapping[str, str]) -> None:
        self.folder = folder
        self.instead = instead
        self.problems: list[Problem] = []

    def document(self, name: str) -> dict[str, Any] | None:
        """Read one file; None after a problem."""
        spot = Spot(self.problems, name)
        text = self.instead[name] if name in self.instead else document.text_of(self.folder / name, spot)
        return None if text is None else document.parse(text, spot)

    def main(self, data: dict[str, Any]) -> tuple[dict[str, Entry], list[Entry], dict[str, Entry]]:
        """Read ``channelwatch.toml``: sections, channels, outlets by name."""
        spot = Spot(self.problems, paths.MAIN_FILE)
        unknown_keys(data, {"channels": 0, "outlets": 0, **SECTIONS}, spot)
        sections = {name: self.section(name, data.get(name, {})) for name in SECTIONS}
        channels = self.entries(ChannelConfig, data.get("channels", []), spot.key("channels"))
        outlets = {}
        for name, value in one_table(data.get("outlets", {}), spot.key("outlets")).items():
            place = spot.key("outlets").key(name)
            table = one_table(value, place)
            read = read_table(OutletConfig, table, place, given=("name",)) if table is value else {}
            outlets[name] = Entry(place, read)
        return sections, channels, outlets

    def section(self, name: str, value: Any) -> Entry:
        """Read one table; a path in it is relative to the config folder, ``~`` is the home folder."""
        spot = Spot(self.problems, paths.MAIN_FILE, name)
        values = read_table(SECTIONS[name], one_table(value, spot), spot)
        for key, path in values.items():
            if isinstance(path, Path):
                values[key] = paths.beside(self.folder, path)
        return Entry(spot, values)

    def rules(self) -> list[Entry]:
        """Read ``rules.toml`` and ``rules.d/*.toml`` in the order of their names; none of them has to exist."""
        names = [RULES_FILE] if RULES_FILE in self.instead or (self.folder / RULES_FILE).exists() else []
        try:
            names += sorted(f"{RULES_FOLDER}/{file.name}" for file in (self.folder / RULES_FOLDER).glob("*.toml"))
        except OSError as error:
            Spot(self.problems, RULES_FOLDER).problem(f"can't be read: {error.strerror}")
        found = []
        for name in names:
            data = self.document(name)
            if data is not None:
                spot = Spot(self.problems, name)
                unknown_keys(data, {"rules": 0}, spot)
                found += self.entries(RuleConfig, data.get("rules", []), spot.key("rules"), given=("file",))
        return found

    def entries(
        self, kind: type[msgspec.Struct], value: Any, spot: Spot, *, given: tuple[str, ...] = ()
    ) -> list[Entry]:
        """Read an array of tables; each entry's spot carries its name."""
        found = []
        for number, table in enumerate(tables(value, spot), 1):
            name = table.get("name")
            place = spot.entry(name if isinstance(name, str) and name.strip() else number)
            found.append(Entry(place, read_table(kind, table, place, given=given)))
        return found
