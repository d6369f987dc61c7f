"""``channelwatch login``: lead a person through the Telegram login and keep the key."""

import asyncio
import logging

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.terminal import Terminal
from channelwatch.errors import ConfigError, Flooded, LoginNeeded, Problem, TelegramError

_WARNING = """\
The login is kept in the data folder. Whoever has that file has the whole account, so
take a SECONDARY account for watching: not the one that your life hangs on. Telegram
sometimes closes accounts that it takes for robots, above all brand-new ones.
"""


@click.command()
@click.option("--qr", is_flag=True, help="Scan a QR code with a phone instead of typing a code.")
@click.option("--phone", help="Phone number of the account (default: PHONE of .env, else it is asked).")
@with_workspace
def login(workspace: Workspace, qr: bool, phone: str | None) -> None:
    """Log in to Telegram, step by step.

    Asks for the phone number and the code that Telegram sends into its own app (not by SMS), and for the 2FA
    password where the account has one; or shows a QR code (--qr). Stop the daemon first: it holds the login.
    """
    from channelwatch.config import read
    from channelwatch.service.lock import InstanceLock
    from channelwatch.telegram import keyfile
    from channelwatch.telegram.login import log_in

    terminal = Terminal()
    logging.getLogger("telethon").setLevel(logging.CRITICAL)  # what matters of it reaches us as an error
    if workspace.secrets.session_string is not None:
        message = "it is the login that is used; a new one would be ignored"
        raise ConfigError([Problem(".env", "SESSION_STRING", message, "remove it, then run: channelwatch login")])
    config, secrets = read.telegram(workspace.folder), workspace.secrets
    with InstanceLock(workspace.data):
        terminal.tell(_WARNING)
        if not _may_replace(workspace):
            return
        phone = phone or (secrets.phone.reveal() if secrets.phone is not None else None)
        if not (qr or phone):
            qr = click.prompt("Log in by [phone] number and code, or by [qr] code?", default="phone") == "qr"
        try:
            key = asyncio.run(log_in(terminal, config, secrets, phone=phone, qr=qr))
        except Flooded as flood:
            raise TelegramError(
                f"Telegram asks you to wait {_spell(flood.retry_after or 0)} before the next try",
                remedy="each try before that makes the wait longer",
                retry_after=flood.retry_after,
            ) from flood
        keyfile.save(workspace.data, key)
    path = (workspace.data / keyfile.FILE).resolve()
    click.echo(f"The login is in {path}. Next: channelwatch check, then channelwatch run")


def _may_replace(workspace: Workspace) -> bool:
    """Ask before a login that is there already is replaced; True when there is none."""
    from channelwatch.telegram import keyfile

    try:
        key = keyfile.load(workspace.data, workspace.secrets)
    except LoginNeeded:
        return True
    click.echo(f"There is a login already (user id {key.user_id}). It would be kept as {keyfile.OLD_FILE}.")
    return click.confirm("Log in anew?", default=False)


def _spell(seconds: float) -> str:
    """Write a wait for people: ``45 seconds``, ``5 minutes``, ``2 h 10 min``."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    minutes = int(-(-seconds // 60))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} h {minutes % 60} min"
