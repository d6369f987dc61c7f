"""``channelwatch search``: ask the archive."""

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import tzinfo

import click

from channelwatch.archive import channels
from channelwatch.archive.file import Archive
from channelwatch.archive.search import Hit
from channelwatch.archive.search import search as ask
from channelwatch.cli.moment import Moment, moment
from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, one_line, print_json
from channelwatch.clock import SystemClock
from channelwatch.config.times import zone as zone_of
from channelwatch.errors import QueryError

_BEFORE, _LENGTH = 60, 240
"""Characters of the text shown before the first matched word, and at most in all."""

_SYNTAX = re.compile(r'["«»“”()|]|\b(?:OR|AND|NOT)\b')
_FIELD = re.compile(r"(-?(?:[a-z]+:)?)(.*\s.*)", re.DOTALL)


@click.command(
    # an unknown -word is part of the query; -h must not mean help in a query
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]}
)
@click.argument("query", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--channel", help="Only this channel: name, past name, alias, link or -100… id.")
@click.option("--since", type=Moment(), help="Not older than this: 2023-05-22, 2023-05-22T09:15 or 7d.")
@click.option("--until", type=Moment(), help="Older than this (exclusive).")
@click.option("--limit", type=click.IntRange(min=1, max=2**31), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per post and line.")
@with_workspace
def search(
    workspace: Workspace,
    query: tuple[str, ...],
    *,
    channel: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Search the archive, newest posts first.

    QUERY needs no quotes around it: words stand for all their forms, -word excludes, OR, brackets, "exact phrase",
    channel:name and region:name work as in rules (where the shell would take a sign for itself, quote it). Exit code 1
    when nothing is found.
    """
    from channelwatch.query.compile import compile_query

    try:
        compiled = compile_query(typed(query))
    except QueryError as error:
        click.echo(clean(f"{error.caret()}\nerror: {error}"), err=True)
        raise click.exceptions.Exit(2) from None  # typed here, so wrong usage; in a rule it is a bad configuration
    for warning in compiled.warnings:
        click.echo(f"note: {warning}", err=True)
    now = SystemClock().now()
    with closing(Archive(workspace.archive).reader()) as connection:
        only = None
        if channel is not None:
            only = channels.find(connection, channel)
            if only is None:
                raise click.BadParameter(f"the archive knows no channel {channel!r}", param_hint="--channel")
        found = ask(
            connection,
            compiled,
            limit=limit,
            since=moment(since, workspace.zone, now) if since else None,
            until=moment(until, workspace.zone, now) if until else None,
            channel=only.id if only else None,
        )
    for hit in found:
        if as_json:
            print_json(_plain(hit))
        else:
            _show(hit, zone_of(workspace.zone))
    if not found:
        if not as_json:
            click.echo("Nothing found.", err=True)
        raise click.exceptions.Exit(1)


def typed(words: Sequence[str]) -> str:
    """Return the query that a person typed, as the shell handed it over in words.

    A single word is the whole query. Among several, one with a space in it was quoted in the shell: it is a phrase,
    unless it is a query of its own (with quotes, brackets or OR).
    """
    for word in words:
        if word.startswith("--"):
            raise click.NoSuchOption(word.partition("=")[0])
    if len(words) == 1:
        return words[0]
    return " ".join(_requoted(word) for word in words)


def _requoted(word: str) -> str:
    found = _FIELD.fullmatch(word)
    if found is None or _SYNTAX.search(word):
        return f"({word})" if found is not None and not word.startswith(("(", "-", '"')) else word
    return f'{found[1]}"{found[2]}"'


def _plain(hit: Hit) -> dict[str, object]:
    return {
        "id": hit.id,
        "channel": hit.channel,
        "channel_id": hit.channel_id,
        "message_id": hit.message_id,
        "date": hit.date,
        "url": hit.url,
        "text": hit.text,
        "edited": hit.edited,
        "views": hit.views,
        "media": hit.media,
        "missing_since": hit.missing_since,
        "spans": [[span.start, span.end, span.term] for span in hit.evidence.spans],
        "places": hit.evidence.mentions,
    }


def _show(hit: Hit, zone: tzinfo) -> None:
    when = f"{hit.date.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    gone = "  (deleted since)" if hit.missing_since else ""
    click.secho(f"{when}  {one_line(hit.channel)}  {one_line(hit.url)}{gone}", fg="cyan")
    click.echo(f"{excerpt(hit)}\n")


def excerpt(hit: Hit) -> str:
    """Return the part of the text around the first matched word on one line, matched words in bold."""
    spans = [(span.start, span.end) for span in hit.evidence.spans]
    spans += [(mention.start, mention.end) for mention in hit.evidence.mentions]
    first = min(spans, default=(0, 0))[0]
    start = max(0, first - _BEFORE)
    end = min(len(hit.text), start + _LENGTH)
    pieces, at = [], start
    for a, b in sorted(spans):
        if a < at or a >= end:
            continue
        pieces += [clean(hit.text[at:a]), click.style(clean(hit.text[a : min(b, end)]), bold=True)]
        at = min(b, end)
    pieces.append(clean(hit.text[at:end]))
    line = " ".join("".join(pieces).split())
    return f"{'…' if start else ''}{line}{'…' if end < len(hit.text) else ''}"
