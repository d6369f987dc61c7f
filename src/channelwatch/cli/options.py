"""What every command takes: where the configuration and the archive are."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from channelwatch.config.model import Config, Secrets


T = TypeVar("T")


class Workspace:
    """Where a command works; it reads only what it is asked for, so that light commands stay light."""

    def __init__(self, config: str | None, archive: str | None) -> None:
        """Keep what the person typed; nothing is read yet."""
        self._config = config
        self._archive = archive

    @property
    def named(self) -> str | None:
        """The config folder that ``--config`` names, there or not."""
        return self._config

    @functools.cached_property
    def folder(self) -> Path:
        """The config folder; raises ConfigError where there is none."""
        from channelwatch.config import paths

        return paths.find_folder(self._config)

    @functools.cached_property
    def archive(self) -> Path:
        """The archive file: ``--archive``, else as the configuration says; it need not exist."""
        if self._archive is not None:
            return Path(self._archive)
        from channelwatch.config import read

        return read.archive_path(self.folder)

    @property
    def data(self) -> Path:
        """The data folder: the folder of the archive (key, lock and socket lie there)."""
        return self.archive.parent

    @functools.cached_property
    def config(self) -> "Config":
        """The whole checked configuration, with ``--archive`` put in; raises ConfigError with every problem."""
        import msgspec

        from channelwatch.config import read

        config = read.load(self.folder)
        return msgspec.structs.replace(config, archive=msgspec.structs.replace(config.archive, file=self.archive))

    @functools.cached_property
    def secrets(self) -> "Secrets":
        """What ``.env`` and the environment hold."""
        import os

        from channelwatch.config import secrets

        return secrets.load(self.folder, os.environ)

    def reload(self) -> "tuple[Config, Secrets]":
        """Read the configuration and the secrets again; raises ConfigError and changes nothing when they are bad."""
        fresh = Workspace(str(self.folder), self._archive)
        return fresh.config, fresh.secrets

    @functools.cached_property
    def zone(self) -> str:
        """The IANA zone for times typed and shown; UTC where no configuration is found."""
        from channelwatch.config import read
        from channelwatch.errors import ConfigError

        try:
            return read.zone(self.folder)
        except ConfigError:
            if self._archive is not None:
                return "UTC"
            raise


def with_workspace(function: Callable[..., T]) -> Callable[..., T]:
    """Give a click command ``--config`` and ``--archive`` and pass it a `Workspace` as its first argument.

    Both are also taken before the command's name; the nearer one wins.
    """

    @click.option("--config", "config", type=click.Path(), help="Config folder (default: ./config, then the user's).")
    @click.option("--archive", "archive", type=click.Path(), help="Archive file (default: as the config says).")
    @click.pass_context
    @functools.wraps(function)
    def command(ctx: click.Context, /, *args: Any, config: str | None, archive: str | None, **kwargs: Any) -> T:
        given = ctx.find_root().obj or {}
        workspace = Workspace(config or given.get("config"), archive or given.get("archive"))
        return function(workspace, *args, **kwargs)

    return command
