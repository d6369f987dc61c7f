"""``channelwatch init``: ask a person what to watch and write the first config folder."""

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean
from channelwatch.config.starter import Answers, FirstBot, FirstChannel, FirstRule, files
from channelwatch.errors import ConfigError, QueryError, WatchError

T = TypeVar("T")

_API = """\
Telegram wants every program to have an api_id and api_hash of its own. Get yours at
https://my.telegram.org → API development tools: log in with your number (the code comes
into the Telegram app, not by SMS), then fill in a title and a short name of letters only;
the rest may stay empty. If the page only says ERROR: switch off VPN, proxy and ad blocker,
use another browser or the phone, take another short name, or wait a day; the page is moody
and says nothing about why. Never use a pair that you found somewhere: Telegram throttles those.
"""

_CHANNELS = """\
Channels to watch: @name, name, t.me/name or -100id (of a channel that the account has joined).
One per line; an empty line ends the list. An empty list takes the example's eight channels.
"""

_JOINING = """\
For each channel: `join` makes the account a member, and posts come within seconds (but
Telegram allows few joins a day). `poll` reads it without joining, some minutes late.
"""

_RULE = """\
What do you want to hear of? Words stand for all their forms in Russian, Ukrainian and English;
OR between alternatives, -word for what must not be there, "exact phrase". For example:
обстрел OR танк OR дрон. Empty: no rule of your own yet (the example's stay, as comments where they don't fit).
"""


@click.command()
@click.option("--yes", is_flag=True, help="Ask nothing: write the commented example as it is.")
@with_workspace
def init(workspace: Workspace, yes: bool) -> None:
    """Write a commented config folder by asking.

    Asks for the api credentials, channels (to join or to poll), their region, a first rule and where alerts go;
    shows what would be written, and writes channelwatch.toml, rules.toml, rules.d and .env into the folder of
    --config (default: ./config). A file that is there already is replaced only after a yes to that.
    """
    folder = Path(workspace.named or "config").expanduser().absolute()
    click.echo(f"The configuration will be in {folder}.\n")
    texts = files(Answers() if yes else _ask_all())
    if yes:
        for name in [name for name in texts if (folder / name).exists()]:
            click.echo(f"kept  {folder / name}")
            del texts[name]
    _check(folder, texts)
    if not yes:
        for name, text in texts.items():
            click.echo(f"\n----- {name}\n{_shown(name, text)}", nl=False)
        click.echo("-----")
        if not click.confirm("Write these files?", default=True):
            click.echo("Nothing was written.")
            return
    _write(folder, texts)
    place = f" --config {shlex.quote(str(workspace.named))}" if workspace.named else ""
    later = "" if "API_ID=\n" not in texts.get(".env", "") else f"  fill in API_ID and API_HASH in {folder / '.env'}\n"
    click.echo(
        f"\nNext:\n{later}  channelwatch{place} check      says everything that is wrong\n"
        f"  channelwatch{place} login      logs in to Telegram (take a secondary account)\n"
        f"  channelwatch{place} run        watches"
    )


def _ask_all() -> Answers:
    click.echo(_API)
    api_id = _ask("api_id (empty: later)", _api_id)
    api_hash = _ask("api_hash (empty: later)", _api_hash) if api_id else ""
    click.echo(f"\n{_CHANNELS}")
    channels = _ask_channels()
    home, rule = None, None
    if channels:
        home = _ask("\nRegion that these channels speak of, for example Belgorod (empty: none)", _region)
    click.echo(f"\n{_RULE}")
    words = _ask("Words", _query)
    if words:
        region = _ask("Only about a region? For example Belgorod (empty: anywhere)", _region)
        rule = FirstRule("first", f"region:{region} ({words})" if region else words)
    click.echo(
        "\nAlerts are printed where the daemon runs. A Telegram bot can bring them too (make one with @BotFather)."
    )
    token = _ask("Bot token (empty: no bot)", _token, hidden=True)
    bot = FirstBot(_ask("Chat that the bot may write to (a number, or @channel)", _chat), token) if token else None
    zone = _ask("\nTime zone for times shown", _zone, default=_machine_zone())
    return Answers(api_id=api_id, api_hash=api_hash, channels=channels, home=home, zone=zone, rule=rule, bot=bot)


def _ask_channels() -> list[FirstChannel]:
    from channelwatch.config.channel_names import channel_key

    channels: list[FirstChannel] = []
    known: set[str | int] = set()
    while True:
        written = _ask("Channel", _channel)
        if not written:
            break
        if (key := channel_key(written)) in known:
            click.echo("  That one is in the list already.")
            continue
        known.add(key)
        if not channels:
            click.echo(_JOINING)
        lag = _poll_lag([*channels, FirstChannel(written)])
        answer = click.prompt(
            f"  join (seconds) or poll (expected lag up to {lag})",
            type=click.Choice(["join", "poll"]),
            default="poll",
            show_choices=False,
        )
        channels.append(FirstChannel(written, answer == "join"))
    return channels


def _poll_lag(channels: list[FirstChannel]) -> str:
    """Say how late the last of these channels may be when it is polled."""
    from channelwatch.cli.budget import expected_lags, in_words
    from channelwatch.config.model import ChannelConfig

    lags = expected_lags([ChannelConfig(name=channel.name, join=channel.join) for channel in channels], 1.0)
    return in_words(lags[-1])


def _ask(question: str, read: Callable[[str], T], *, default: str = "", hidden: bool = False) -> T:
    """Ask until the answer can be read; `read` raises ValueError, LookupError or QueryError for a bad one."""
    hidden = hidden and sys.stdin.isatty()
    while True:
        typed = click.prompt(question, default=default, show_default=bool(default), hide_input=hidden, type=str)
        try:
            return read(typed.strip())
        except QueryError as error:
            click.echo(f"  {clean(error.caret())}\n  {clean(str(error))}".replace("\n", "\n  "))
        except (ValueError, LookupError) as error:
            click.echo(f"  {clean(str(error.args[0] if error.args else error))}")


def _api_id(text: str) -> str:
    if text and not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) < 2**31):
        raise ValueError("an api_id is a number, such as 1234567")
    return text


def _api_hash(text: str) -> str:
    if text and not re.fullmatch(r"[0-9a-f]{32}", text.lower()):
        raise ValueError("an api_hash is 32 digits and letters from a to f")
    return text.lower()


def _channel(text: str) -> str:
    if text:
        from channelwatch.config.channel_names import channel_key

        channel_key(text)
    return text


def _region(text: str) -> str | None:
    if not text or text.lower() == "none":
        return None
    from channelwatch.places import Gazetteer

    return Gazetteer.load().region(text).code


def _query(text: str) -> str:
    if text:
        from channelwatch.query import parse

        parse(text)
    return text


def _token(text: str) -> str:
    if text and not re.fullmatch(r"\d{3,}:[A-Za-z0-9_-]{5,}", text):
        raise ValueError("a bot token looks like 123456789:AAE… (from @BotFather)")
    return text


def _chat(text: str) -> int | str:
    if re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if re.fullmatch(r"@\w{4,32}", text):
        return text
    raise ValueError("a chat is a number (-100… for groups and channels) or @channelname")


def _zone(text: str) -> str:
    from channelwatch.config.times import zone

    zone(text)
    return text


def _machine_zone() -> str:
    """Return the machine's IANA zone where it says one, else UTC."""
    link = Path("/etc/localtime")
    name = os.environ.get("TZ", "").lstrip(":")
    if not name and link.is_symlink():
        name = str(link.readlink()).rpartition("zoneinfo/")[2]
    try:
        return _zone(name)
    except ValueError:
        return "UTC"


def _shown(name: str, text: str) -> str:
    """Return a file as it may be shown: secrets struck out."""
    return re.sub(r"(?m)^(API_HASH|BOT_TOKEN)=.+$", r"\1=***", text) if name == ".env" else text


def _check(folder: Path, texts: dict[str, str]) -> None:
    """Refuse to write a configuration that could not be read; other files of the folder count too."""
    from channelwatch.config import read

    instead = {name: text for name, text in texts.items() if name.endswith(".toml")}
    try:
        read.load(folder, instead=instead)
    except ConfigError as error:
        click.echo("This would not be a good configuration:", err=True)
        raise error from None


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write the files, each whole or not at all; one that is there is replaced only after a yes."""
    try:
        (folder / "rules.d").mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            if path.exists() and not click.confirm(f"{path} exists. Replace it?", default=False):
                click.echo(f"kept  {path}")
                continue
            fresh = path.with_name(f".{name}.new")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            fresh.replace(path)
            click.echo(f"wrote {path}")
    except OSError as error:
        raise WatchError(
            f"can't write {folder}: {error.strerror}", remedy="name another folder with --config"
        ) from error
