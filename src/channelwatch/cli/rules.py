"""``channelwatch rules``: list rules, and test them on posts with the daemon's own matcher, without an archive."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, one_line, print_json, print_table

if TYPE_CHECKING:
    from channelwatch.config.model import ChannelConfig, Config, RuleConfig
    from channelwatch.query import Evidence, Source


class Line(msgspec.Struct):
    """One line of a file of posts, as far as a rule can ask about it; foreign collections lack ids here and there."""

    channel: str | int
    text: str
    message_id: int | None = None
    date: str | None = None


@click.group()
def rules() -> None:
    """List rules, or test them on posts."""


@rules.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@with_workspace
def list_(workspace: Workspace, as_json: bool) -> None:
    """List the rules of all files."""
    config = workspace.config
    if as_json:
        print_json([msgspec.structs.asdict(rule) for rule in config.rules])
        return
    rows = [
        (rule.name, rule.severity, one_line(rule.query, 60), ", ".join(rule.outlets) or "console", rule.file)
        for rule in config.rules
    ]
    print_table(rows, headers=("name", "severity", "query", "outlets", "file"))


@rules.command("test")
@click.argument("file", type=click.File("rb"))
@click.option("--rule", "names", multiple=True, metavar="NAME", help="Test this rule only; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a match.")
@with_workspace
def test(workspace: Workspace, file: BinaryIO, names: tuple[str, ...], as_json: bool) -> None:
    """Run the rules over posts and print the matches.

    FILE (- = stdin) holds a JSON object a line: channel, message_id, date, text. Nothing is stored and nobody is
    alerted. A line that is no post is reported with its number and the rest is tested (exit code 1).
    """
    matcher = Matcher(workspace.config, _chosen(workspace.config.rules, names))
    posts = matches = bad = 0
    for number, found in _read(file):
        if isinstance(found, str):
            bad += 1
            click.secho(f"line {number}: {clean(found)}", fg="red", err=True)
            continue
        posts += 1
        for rule, evidence in matcher.match(found):
            matches += 1
            if as_json:
                print_json(_plain(rule, found, evidence))
            else:
                click.echo(_sentence(rule, found, evidence))
    if not as_json:
        click.echo(f"{matches} matches in {posts} posts.", err=True)
    if bad:
        raise click.exceptions.Exit(1)


class Matcher:
    """The rules of a configuration, compiled as the daemon compiles them."""

    def __init__(self, config: "Config", rules: Sequence["RuleConfig"]) -> None:
        """`rules` are those to be asked; `config` tells what its channels are called."""
        from channelwatch.places import Gazetteer
        from channelwatch.query import RuleIndex, compile_query

        gazetteer = Gazetteer.load()
        self._channels = {_key(one.name): one for one in config.channels}
        self._aliases = {one.alias.casefold(): _key(one.name) for one in config.channels if one.alias}
        self._limits = {rule.name: frozenset(map(self._known, rule.channels)) for rule in rules}
        self._index = RuleIndex([(rule.name, compile_query(rule.query, gazetteer=gazetteer)) for rule in rules])

    def match(self, line: Line) -> list[tuple[str, "Evidence"]]:
        """Return the names of the rules that the post meets, each with its evidence."""
        from channelwatch.query import Subject

        key = self._known(str(line.channel))
        found = self._index.match(Subject(line.text, _source(key, self._channels.get(key))))
        return [(rule, evidence) for rule, evidence in found if not self._limits[rule] or key in self._limits[rule]]

    def _known(self, written: str) -> str | int:
        """Return the key of a channel that is given by alias or by any written form."""
        return self._aliases.get(written.casefold()) or _key(written)


def _key(written: str) -> str | int:
    """Return what a channel is known by; what is no channel's name stands for itself."""
    from channelwatch.config.channel_names import channel_key

    try:
        return channel_key(written)
    except ValueError:
        return int(written) if written.isascii() and written.isdecimal() else written.casefold()


def _source(key: str | int, channel: "ChannelConfig | None") -> "Source":
    """Return a post's channel as queries see it."""
    from channelwatch.query import Source

    number, name = (key, None) if isinstance(key, int) else (0, key)
    if channel is None:
        return Source(id=number, name=name)
    return Source(id=number, name=name, alias=channel.alias, tags=channel.tags, group=channel.group, home=channel.home)


def _chosen(rules: Iterable["RuleConfig"], names: tuple[str, ...]) -> list["RuleConfig"]:
    """Return the named rules, or all."""
    from channelwatch.config.spot import meant

    known = {rule.name: rule for rule in rules}
    for name in names:
        if name not in known:
            raise click.BadParameter(f'no rule is called "{name}" {meant(name, known)}'.strip(), param_hint="--rule")
    return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())


def _read(file: BinaryIO) -> Iterator[tuple[int, Line | str]]:
    """Give each line's number with its post, or with what is wrong with it; blank lines are passed over."""
    for number, raw in enumerate(file, 1):
        if not raw.strip():
            continue
        try:
            yield number, msgspec.json.decode(raw, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield number, str(error)


def _plain(rule: str, line: Line, evidence: "Evidence") -> dict[str, Any]:
    """Return a match for a program."""
    return {
        "rule": rule,
        "channel": line.channel,
        "message_id": line.message_id,
        "spans": evidence.spans,
        "places": evidence.mentions,
    }


def _sentence(rule: str, line: Line, evidence: "Evidence") -> str:
    """Return a match for a person: rule, post, what was found."""
    words = dict.fromkeys(line.text[span.start : span.end] for span in evidence.spans)
    found = ", ".join(json.dumps(word, ensure_ascii=False) for word in words)
    return clean(f"{rule}: {line.channel}/{line.message_id}: {found}: {one_line(line.text, 80)}")
