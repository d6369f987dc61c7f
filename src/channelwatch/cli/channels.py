"""``channelwatch channels``: list, add, remove and import watched channels.

The config file is the truth: these commands edit ``channelwatch.toml`` and then tell the running daemon to read it
again, so that nothing watched is written down in two places.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, print_json, print_table
from channelwatch.errors import WatchError

if TYPE_CHECKING:
    from channelwatch.config.model import ChannelConfig
    from channelwatch.post import ChannelInfo

# ``-100…`` looks like an option to click: unknown options are handed through, and sorted out in `_names`
_TAKES_IDS = {"ignore_unknown_options": True}


@click.group()
def channels() -> None:
    """List, add, remove or import watched channels."""


@channels.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@with_workspace
def list_(workspace: Workspace, as_json: bool) -> None:
    """List the configured channels with the lag to expect of each.

    What the archive holds of them is in `status` and `coverage`.
    """
    from channelwatch.cli.budget import expected_lags, in_words

    config = workspace.config
    lags = expected_lags(config.channels, config.telegram.pace)
    if as_json:
        print_json([{**_plain(one), "lag_expected": lag} for one, lag in zip(config.channels, lags, strict=True)])
        return
    rows = [
        (
            one.name,
            one.alias,
            ", ".join(one.home),
            ", ".join(one.tags),
            "joined" if one.join else "polled",
            in_words(lag),
        )
        for one, lag in zip(config.channels, lags, strict=True)
    ]
    print_table(rows, headers=("name", "alias", "home", "tags", "how", "lag expected"))


@channels.command(context_settings=_TAKES_IDS)
@click.argument("names", metavar="NAME...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--file", "file", type=click.File(encoding="utf-8"), help="Read names from a file, one a line (- = stdin)."
)
@click.option("--join/--poll", "join", default=None, help="Join it (posts within seconds), or read it without joining.")
@click.option("--home", multiple=True, metavar="REGION", help="Region it speaks of; may be given several times.")
@click.option("--tag", "tags", multiple=True, help="Tag for queries (tag:…); may be given several times.")
@click.option("--alias", help="How queries and alerts call it (one channel only).")
@click.option("--group", help="Channels of one group count as one source.")
@click.option("--priority", type=click.Choice(["normal", "high"]), default="normal", help="High earns it more calls.")
@click.option("--max-lag", metavar="DURATION", help='The lag it may have, such as "2m"; earns it more calls.')
@click.option("--backfill", metavar="DURATION", help='How far back to read at first, such as "7d"; "0s" = not.')
@with_workspace
def add(
    workspace: Workspace,
    names: tuple[str, ...],
    *,
    file: Iterable[str] | None,
    join: bool | None,
    max_lag: str | None,
    backfill: str | None,
    **given: Any,
) -> None:
    """Watch channels.

    NAME is @name, name, t.me/name, t.me/s/name, t.me/name/123 or -100id. On a terminal, without --join or --poll, it is
    asked per channel. A line of --file that is no channel is reported with its number and the rest is added (exit
    code 1); a # begins a comment.
    """
    from channelwatch.config.channel_names import channel_key
    from channelwatch.config.model import ChannelConfig

    for name in names:
        try:
            channel_key(name)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="NAME") from None
    listed, bad = _listed(file) if file is not None else ([], 0)
    wanted = [*_names(names, known_to_be_added=file is not None), *listed]
    if given["alias"] and len(wanted) != 1:
        raise click.UsageError("--alias is for one channel.")
    entries = [
        ChannelConfig(
            name=name,
            join=bool(join),
            max_lag=_duration("--max-lag", max_lag),
            backfill=_duration("--backfill", backfill),
            **given,
        )
        for name in wanted
    ]
    _add(workspace, entries, ask_how=join is None)
    if bad:
        raise click.exceptions.Exit(1)


@channels.command(context_settings=_TAKES_IDS)
@click.argument("names", metavar="NAME...", nargs=-1, type=click.UNPROCESSED, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_workspace
def remove(workspace: Workspace, names: tuple[str, ...], yes: bool) -> None:
    """Stop watching channels; their posts stay in the archive.

    NAME is any written form, or the alias.
    """
    from channelwatch.config import edit

    found = [workspace.config.channels[edit.find(workspace.config.channels, name)] for name in _names(names)]
    for channel in dict.fromkeys(one.name for one in found):
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("nobody is here to be asked: add --yes.")
            click.confirm(f"Stop watching {channel}? Its posts stay in the archive", abort=True)
        edit.remove_channel(workspace.folder, channel)
        click.echo(f"{channel} is no longer watched.")
    _tell_daemon(workspace)


@channels.command("import")
@click.option("--folder", "folder", required=True, metavar="NAME", help="A chat folder of the account.")
@click.option(
    "--join/--poll", "join", default=None, help="Join those that the account only follows, or read them without."
)
@with_workspace
def import_(workspace: Workspace, folder: str, join: bool | None) -> None:
    """Watch the channels of one of the account's own chat folders.

    The account knows them already, so no names need to be looked up: hundreds take seconds, where looking up names in
    bulk draws waits of hours.
    """
    from channelwatch.service.requests import folder_channels

    found = folder_channels(workspace, folder)
    if not found:
        _refuse(f'the folder "{folder}" holds no channels')
    taken = {one.alias.casefold() for one in workspace.config.channels if one.alias}
    _add(workspace, entries_of(found, join=join, taken=taken), ask_how=False)


def entries_of(
    found: Iterable["ChannelInfo"], *, join: bool | None = None, taken: Iterable[str] = ()
) -> list["ChannelConfig"]:
    """Return entries for channels that Telegram told us of; `join` None keeps each as the account has it.

    A private channel is written by its id, with its title as alias unless that is among the `taken` ones (in lower
    case).
    """
    from channelwatch.config.model import ChannelConfig

    aliases = set(taken)
    entries = []
    for info in found:
        name, alias = (f"@{info.name}", "") if info.name else (f"-100{info.id}", info.title.strip())
        free = bool(alias) and alias.casefold() not in aliases
        aliases.add(alias.casefold())
        joined = info.joined if join is None else join
        entries.append(ChannelConfig(name=name, alias=alias if free else None, join=joined))
    return entries


def _add(workspace: Workspace, entries: Sequence["ChannelConfig"], *, ask_how: bool) -> None:
    """Write new entries, say what is to be expected of each, and tell the daemon."""
    from channelwatch.cli.budget import expected_lags, in_words
    from channelwatch.config import edit

    config = workspace.config
    if ask_how and sys.stdin.isatty() and sys.stdout.isatty():
        entries = _asked(entries, config.channels, config.telegram.pace)
    new = edit.add_channels(workspace.folder, entries)
    lags = expected_lags([*config.channels, *new], config.telegram.pace)[len(config.channels) :]
    for entry, lag in zip(new, lags, strict=True):
        how = "joined: posts come" if entry.join else "polled: posts come"
        click.echo(f"{entry.name} is watched, {how} within about {in_words(lag)}.")
    for entry in entries:
        if not any(entry is one for one in new):
            click.echo(f"{entry.name} was watched already.")
    if new:
        _tell_daemon(workspace)


def _asked(
    entries: Sequence["ChannelConfig"], present: Sequence["ChannelConfig"], pace: float
) -> list["ChannelConfig"]:
    """Ask for each channel whether to join it, until one answer is given for all the rest."""
    import msgspec

    from channelwatch.cli.budget import expected_lags, in_words

    lags = expected_lags([*present, *entries], pace)[len(present) :]
    click.echo("Joined channels send posts within seconds; the channel's owner sees one member more.")
    click.echo("Polled channels are read without joining, and later.")
    answers = click.Choice(["join", "poll", "join-all", "poll-all"] if len(entries) > 1 else ["join", "poll"])
    answered: list[ChannelConfig] = []
    how = ""
    for entry, lag in zip(entries, lags, strict=True):
        if not how.endswith("-all"):
            question = f"{clean(entry.name)}: join (seconds) or poll (about {in_words(lag)})?"
            how = click.prompt(question, type=answers, default="poll")
        answered.append(msgspec.structs.replace(entry, join=how.startswith("join")))
    return answered


def _tell_daemon(workspace: Workspace) -> None:
    """Have the running daemon read the config again, or say that none runs."""
    from channelwatch.service.control import ask

    if ask(workspace.data, {"do": "reload"}) is None:
        click.echo("No daemon runs; this takes effect when it starts.")
    else:
        click.echo("The running daemon knows.")


def _names(names: Sequence[str], *, known_to_be_added: bool = False) -> list[str]:
    """Return the names, after refusing what was meant as an option."""
    for name in names:
        if name.startswith("-") and not name.startswith("-100"):
            raise click.NoSuchOption(name)
    if not names and not known_to_be_added:
        raise click.UsageError("name at least one channel, or a --file.")
    return list(names)


def _listed(file: Iterable[str]) -> tuple[list[str], int]:
    """Return the names of a list and how many lines are none; those are reported."""
    from channelwatch.config.channel_names import channel_key

    names, bad = [], 0
    for number, line in enumerate(file, 1):
        name = line.partition("#")[0].strip()
        if not name:
            continue
        try:
            channel_key(name)
        except ValueError as error:
            bad += 1
            click.secho(f"line {number}: {clean(str(error))}", fg="red", err=True)
        else:
            names.append(name)
    return names, bad


def _duration(option: str, written: str | None) -> float | None:
    """Read a duration option."""
    from channelwatch.config.times import seconds

    if written is None:
        return None
    try:
        return seconds(written)
    except ValueError:
        raise click.BadParameter(
            f'{written!r} is not a duration such as "90s", "10m", "6h" or "7d"', param_hint=option
        ) from None


def _plain(entry: "ChannelConfig") -> dict[str, Any]:
    """Return an entry for a program; durations are seconds."""
    import msgspec

    return msgspec.structs.asdict(entry)


def _refuse(message: str) -> NoReturn:
    """Say no."""
    error = WatchError(message)
    error.exit_code = 1
    raise error
