"""``channelwatch run``: the daemon in the foreground."""

import asyncio
from typing import TYPE_CHECKING

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.errors import WatchError

if TYPE_CHECKING:
    from channelwatch.config.model import Config, Secrets


@click.command()
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING"]),
    default="INFO",
    show_default=True,
    help="Least level shown.",
)
@click.option("--log-json/--log-text", default=None, help="Log format (default: text on a terminal, else JSON).")
@with_workspace
def run(workspace: Workspace, log_level: str, log_json: bool | None) -> None:
    """Run the daemon.

    Watches the configured channels, runs the rules and delivers alerts until SIGTERM or Ctrl-C (twice: leave at
    once). SIGHUP reads the configuration again. Leaves with 77 when a login is needed and 78 when the
    configuration is bad.
    """
    import structlog

    from channelwatch.config import secrets as secret_values
    from channelwatch.service import daemon, logs
    from channelwatch.service.lock import InstanceLock

    struck = set(secret_values.values(workspace.secrets))
    logs.configure(struck, json=log_json, level=log_level)

    def reload() -> "tuple[Config, Secrets]":
        config, secrets = workspace.reload()
        struck.update(secret_values.values(secrets))
        logs.configure(struck, json=log_json, level=log_level)
        return config, secrets

    config = workspace.config
    with InstanceLock(workspace.data):
        try:
            asyncio.run(daemon.run(config, workspace.secrets, reload=reload))
        except WatchError:
            raise
        except Exception:
            structlog.get_logger(__name__).exception("the daemon failed")  # by the log, which strikes out secrets
            raise click.exceptions.Exit(70) from None
