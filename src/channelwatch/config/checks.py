"""What must hold between keys: names known, queries that compile, settings that need each other.

Each check takes what could be read (a wrong field is simply absent) and notes problems; none of them stops another.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from channelwatch.config.channel_names import channel_key
from channelwatch.config.spot import Entry, Spot, meant
from channelwatch.config.times import zone, zone_names
from channelwatch.errors import QueryError

if TYPE_CHECKING:
    from channelwatch.places import Gazetteer

_ANOTHER_SERVER = ("dc_id", "dc_host", "dc_port", "rsa_key_file")


def check_channels(entries: list[Entry]) -> None:
    """Names in a known form, no channel or alias twice, home regions that exist (and become their codes)."""
    seen: dict[str | int, str] = {}
    for spot, values in entries:
        if "name" in values:
            try:
                key = channel_key(values["name"])
            except ValueError as error:
                spot.key("name").problem(str(error))
            else:
                if key in seen:
                    spot.key("name").problem(f"is the same channel as {seen[key]}", "keep one of the two")
                seen.setdefault(key, spot.path)
    aliases: dict[str, str] = {}
    for spot, values in entries:
        alias = str(values.get("alias", "")).casefold()
        taken = aliases.get(alias) or seen.get(alias)
        if alias and taken not in (None, spot.path):
            spot.key("alias").problem(f"is also what {taken} is called", "give each channel a name of its own")
        if alias:
            aliases.setdefault(alias, spot.path)
        if "home" in values:
            values["home"] = tuple(_region(home, spot.key("home")) for home in values["home"])


def check_outlets(entries: list[Entry]) -> None:
    """Each kind has what it needs and nothing that it would ignore."""
    for spot, values in entries:
        kind = values.get("kind")
        if kind == "console":
            for name in ("chat", "api", "token"):
                if name in values:
                    spot.key(name).problem("a console outlet takes no such key", "remove it")
        if kind == "telegram":
            if spot.path in ("outlets.console", 'outlets["console"]'):
                spot.problem("the name console is kept for the console", "give this outlet another name")
            _check_chat(spot.key("chat"), values)
        if "api" in values and not values["api"].startswith(("https://", "http://")):
            spot.key("api").problem("is not an http(s) address", 'for example "https://api.telegram.org"')
        token = values.get("token", "BOT_TOKEN")
        if not (token.isascii() and token.isidentifier()):
            # whatever stands here may be the token itself: it is not shown
            spot.key("token").problem(
                "must be the name of an entry in .env, not the token",
                'put the token into .env and write token = "BOT_TOKEN"',
            )


def check_rules(entries: list[Entry], channels: list[Entry] | None, outlets: Iterable[str] | None) -> None:
    """No rule twice, outlets and channels known, queries that compile.

    `channels` or `outlets` are None where they could not be read: then nothing is held against them.
    """
    seen: dict[str, str] = {}
    for spot, values in entries:
        name = str(values.get("name", "")).strip().casefold()
        if name in seen:
            spot.key("name").problem(f"another rule has this name (in {seen[name]})", "rename one of the two")
        elif name:
            seen[name] = spot.file
        if outlets is not None:
            known = {"console", *outlets}
            for outlet in values.get("outlets", ()):
                if outlet not in known:
                    spot.key("outlets").problem(
                        f'no outlet is called "{outlet}"', meant(outlet, known) or f"known: {', '.join(sorted(known))}"
                    )
        if channels is not None:
            for channel in values.get("channels", ()):
                _check_reference(channel, channels, spot.key("channels"))
        if "query" in values:
            _check_query(values["query"], spot.key("query"))


def check_telegram(spot: Spot, values: dict[str, Any]) -> None:
    """Another MTProto server is named completely, and its key can be read."""
    missing = [name for name in _ANOTHER_SERVER if name not in values]
    if 0 < len(missing) < len(_ANOTHER_SERVER):
        stated = ", ".join(name for name in _ANOTHER_SERVER if name in values)
        spot.problem(
            f"{stated} without {', '.join(missing)}", "another server needs all four; Telegram's own needs none"
        )
    file: Path | None = values.get("rsa_key_file")
    if file is not None:
        try:
            text = file.read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text file"
            spot.key("rsa_key_file").problem(f"{file} can't be read: {reason}")
        else:
            if "PUBLIC KEY-----" not in text:
                spot.key("rsa_key_file").problem(
                    f"{file} holds no public key", "it must be a PEM file: -----BEGIN RSA PUBLIC KEY-----"
                )


def check_time(spot: Spot, values: dict[str, Any]) -> None:
    """The zone exists."""
    if "zone" in values:
        try:
            zone(values["zone"])
        except ValueError:
            remedy = meant(values["zone"], zone_names()) or 'an IANA name is wanted, such as "Europe/Kyiv"'
            spot.key("zone").problem(f'no time zone is called "{values["zone"]}"', remedy)


def check_archive(spot: Spot, values: dict[str, Any]) -> None:
    """The archive's path is a file, or may become one."""
    file: Path | None = values.get("file")
    try:
        folder = file is not None and file.is_dir()
    except OSError as error:
        spot.key("file").problem(f"can't be used: {error.strerror}")
    else:
        if folder:
            spot.key("file").problem(f"{file} is a folder", "name a file in it, such as channelwatch.db")


def _check_chat(spot: Spot, values: dict[str, Any]) -> None:
    """A Telegram outlet has a chat that the Bot API would take."""
    chat = values.get("chat")
    if chat is None:
        if not any(problem.path == spot.path for problem in spot.problems):
            spot.problem("a telegram outlet needs a chat", "the chat's id, or the channel's @name")
    elif isinstance(chat, str) and not re.fullmatch(r"@\w+|-?[0-9]{1,18}", chat):
        spot.problem(f'"{chat}" is neither a chat id nor an @name', "the chat's id, or the channel's @name")


def _check_reference(reference: str, channels: list[Entry], spot: Spot) -> None:
    """A rule speaks of a channel that is watched: by name, alias or id."""
    aliases = {values["alias"].casefold(): values["alias"] for _, values in channels if "alias" in values}
    if reference.casefold() in aliases:
        return
    keys = set()
    for _, values in channels:
        try:
            keys.add(channel_key(values.get("name", "")))
        except ValueError:
            continue
    try:
        key = channel_key(reference)
    except ValueError:
        key = ""
    # an id may well be that of a channel configured by its name: only the archive could tell
    if key in keys or (isinstance(key, int) and any(isinstance(one, str) for one in keys)):
        return
    known = [*aliases.values(), *(str(one) for one in keys if isinstance(one, str))]
    spot.problem(f'no watched channel is called "{reference}"', meant(reference.lstrip("@"), known))


def _gazetteer() -> "Gazetteer":
    """Load the places; only a config that speaks of them pays for it."""
    from channelwatch.places import Gazetteer

    return Gazetteer.load()


def _region(name: str, spot: Spot) -> str:
    """Return the code of a region that the gazetteer knows, or the name after a problem."""
    try:
        return _gazetteer().region(name).code
    except LookupError as error:
        spot.problem(str(error.args[0]) if error.args else f'no region is called "{name}"')
        return name


def _check_query(query: str, spot: Spot) -> None:
    """The query compiles, as the daemon will compile it."""
    from channelwatch.query import compile_query

    try:
        compile_query(query, gazetteer=_gazetteer())
    except QueryError as error:
        message = str(error.args[0])
        spot.problem(f"{message} (at character {error.start + 1})", error.remedy, error.caret())
    except RecursionError:
        spot.problem("brackets are nested too deeply", "split it into several rules")
