"""``channelwatch places``: show the places that texts speak of."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, one_line, print_json, print_table

if TYPE_CHECKING:
    from channelwatch.places import Mention


class _Line(msgspec.Struct):
    """What an input line must hold."""

    text: str
    home: list[str] | str | None = None


@click.command()
@click.option(
    "--region", "asked", multiple=True, metavar="CODE", help="Ask for this region (code or any name); may be repeated."
)
@click.option("--json", "json_", is_flag=True, help="One JSON object per input line, in order.")
@click.option("--weak", is_flag=True, help="Also show mentions that more likely mean something else.")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@with_workspace
@click.pass_context
def places(
    ctx: click.Context, _workspace: Workspace, asked: tuple[str, ...], json_: bool, weak: bool, file: Path
) -> None:
    """Show the places that texts speak of, how surely, and why.

    FILE holds one JSON object per line (- for stdin) with `text` and, where the channel has one, `home` (a region or
    a list of regions; it settles which of several namesakes is meant). Without --region every first-level region of
    Russia, Ukraine and Belarus is asked for. A line that can't be read is reported with its number and answered with an
    object that holds `error`; the exit code is then 1.
    """
    from channelwatch.places import Gazetteer, UnknownRegion
    from channelwatch.text.words import words

    gazetteer = Gazetteer.load()
    try:
        regions = [gazetteer.region(name).code for name in asked] or [region.code for region in gazetteer.regions]
    except UnknownRegion as unknown:
        raise click.BadParameter(str(unknown), param_hint="--region") from unknown
    bad = 0
    rows: list[tuple[Any, ...]] = []
    for number, raw in enumerate(_raw_lines(file), 1):
        try:
            line = msgspec.json.decode(raw, type=_Line)
            home = [line.home] if isinstance(line.home, str) else (line.home or [])
            found = gazetteer.mentions(
                line.text,
                words(line.text),
                regions,
                [gazetteer.region(name).code for name in home],
                minimum="weak" if weak else "homonym",
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, UnknownRegion) as error:
            bad += 1
            click.echo(f"line {number}: {clean(str(error))}", err=True)
            if json_:
                print_json({"error": str(error), "line": number, "regions": [], "mentions": []})
            continue
        if json_:
            print_json({"regions": _by_certainty(found), "mentions": found})
        else:
            rows.extend(_rows(number, found))
    if not json_:
        print_table(rows, ["line", "region", "place", "text", "strength", "position", "why"])
    if bad:
        ctx.exit(1)


def _raw_lines(file: Path) -> Iterator[bytes]:
    """Yield every line, empty ones too, so that answers stay in step with the input."""
    stream: BinaryIO
    if str(file) == "-":
        yield from sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise click.FileError(str(file), error.strerror or str(error)) from error
    with stream:
        yield from stream


def _by_certainty(mentions: "list[Mention]") -> list[str]:
    """Return the regions of what counts, most certain first: by best strength, then by number, then by first place."""
    from channelwatch.places import STRENGTHS

    counted = [mention for mention in mentions if mention.strength != "weak"]

    def rank(code: str) -> tuple[int, int, int]:
        mine = [mention for mention in counted if mention.region == code]
        best = min(STRENGTHS.index(mention.strength) for mention in mine)
        return best, -len(mine), min(mention.start for mention in mine)

    return sorted({mention.region for mention in counted}, key=rank)


def _rows(number: int, mentions: "list[Mention]") -> Iterator[tuple[Any, ...]]:
    for mention in mentions:
        where = "" if mention.lat is None else f"{mention.lat:.4f}, {mention.lon:.4f}"
        yield (
            number, mention.region, mention.place, one_line(mention.text, 40), mention.strength, where,
            "; ".join(mention.reasons),
        )  # fmt: skip
