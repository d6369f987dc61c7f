"""Where the config folder and the data folder are.

Config folder: ``--config``, else ``./config`` when it holds a ``channelwatch.toml``, else systemd's
``CONFIGURATION_DIRECTORY``, else the user's config folder. Data folder: the folder of ``archive.file`` when the config
names one (a relative path is relative to the config folder, so that it means the same wherever a command is started),
else systemd's ``STATE_DIRECTORY``, else the user's data folder.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from channelwatch.errors import ConfigError, Problem

MAIN_FILE = "channelwatch.toml"
ARCHIVE_NAME = "channelwatch.db"


def find_folder(explicit: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the config folder, absolute; it holds a ``channelwatch.toml``.

    Raises ConfigError, naming every place that was looked at, when there is none.
    """
    environ = os.environ if environ is None else environ
    tried = []
    for folder in _usual(environ) if explicit is None else (Path(explicit).expanduser().absolute(),):
        if (folder / MAIN_FILE).exists():
            return folder
        tried.append(folder)
    places = ", ".join(str(folder) for folder in tried)
    raise ConfigError(
        [Problem("", "", f"no {MAIN_FILE} in {places}", "run `channelwatch init`, or name the folder with --config")]
    )


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return where the archive lies when the config names no file; the folder need not exist."""
    state = _first(environ.get("STATE_DIRECTORY"))
    if state is not None:
        return state
    from platformdirs import user_data_path

    return user_data_path("channelwatch", appauthor=False)


def beside(folder: Path, path: Path) -> Path:
    """Return a path of the config as an absolute one: ``~`` is the home folder, relative means beside the config."""
    with contextlib.suppress(RuntimeError):  # no such home: the file is not found, and that is told
        path = path.expanduser()
    return folder / path


def _usual(environ: Mapping[str, str]) -> Iterator[Path]:
    """Give the folders that are looked at when none is named, in order."""
    yield Path("config").absolute()
    if (system := _first(environ.get("CONFIGURATION_DIRECTORY"))) is not None:
        yield system
    from platformdirs import user_config_path  # only now: most commands find their folder before

    yield user_config_path("channelwatch", appauthor=False)


def _first(listed: str | None) -> Path | None:
    """Return the first folder of systemd's colon-separated list."""
    return Path(listed.split(":")[0]).absolute() if listed else None
