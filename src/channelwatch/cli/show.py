"""``channelwatch show``: all that is known of one post."""

from contextlib import closing
from datetime import datetime, tzinfo

import click

from channelwatch.archive.file import Archive
from channelwatch.archive.portrait import Portrait, find, portrait
from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, one_line, print_json
from channelwatch.config.times import zone as zone_of


@click.command()
@click.argument("post", metavar="URL|ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_workspace
def show(workspace: Workspace, post: str, as_json: bool) -> None:
    """Show a post with its revisions and matches.

    The post is named by its link (t.me/name/123, t.me/c/id/123), by name/123, or by its id in the archive. Exit code 1
    when the archive does not have it.
    """
    with closing(Archive(workspace.archive).reader()) as connection:
        rowid = find(connection, post)
        known = None if rowid is None else portrait(connection, rowid)
    if known is None:
        click.echo(f"The archive has no post {clean(post)}.", err=True)
        raise click.exceptions.Exit(1)
    if as_json:
        print_json(known)
    else:
        _show(known, zone_of(workspace.zone))


def _show(post: Portrait, zone: tzinfo) -> None:
    def when(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    click.secho(f"{one_line(post.channel)}  {when(post.date)}  {one_line(post.url)}", fg="cyan")
    for name, value in (
        ("edited", post.edited and when(post.edited)),
        ("forwarded from", post.forward),
        ("reply to", post.reply_to),
        ("album", post.album),
        ("media", post.media),
        ("kind", None if post.kind == "message" else post.kind),
        ("author", post.author),
        ("views", post.views),
        ("forwards", post.forwards),
        ("replies", post.replies),
        ("reactions", "  ".join(f"{emoji} {count}" for emoji, count in post.reactions.items()) or None),
        ("came by", f"{post.came}, stored {when(post.stored_at)}, last seen {when(post.last_seen)}"),
        ("deleted", post.missing_since and f"between {when(post.last_seen)} and {when(post.missing_since)}"),
        ("id", post.id),
    ):
        if value is not None:
            click.echo(f"{name + ':':<16}{one_line(str(value), 300)}")
    click.echo(f"\n{clean(post.text)}\n")
    for link in post.entities:
        if link.get("url"):
            click.echo(f"link: {clean(post.text[link['start'] : link['end']])} → {clean(link['url'])}")
    for revision in post.revisions if len(post.revisions) > 1 else ():
        click.secho(f"Revision {revision.number}, {when(revision.first_seen)}, by {revision.came}", bold=True)
        click.echo(f"{clean(revision.text)}\n")
    for match in post.matches:
        words = ", ".join(dict.fromkeys(clean(term) for _, _, term in match.spans))
        click.echo(f"matched {clean(match.rule)} (revision {match.revision}, {when(match.matched_at)}): {words}")
    for mention in post.mentions:
        click.echo(
            f"speaks of {clean(mention.place)} [{mention.region}, {mention.strength}]: "
            f"{clean(mention.text)!r} ({clean('; '.join(mention.reasons))})"
        )
