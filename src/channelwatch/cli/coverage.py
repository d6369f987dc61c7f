"""``channelwatch coverage``: what we have of each channel, and what we know we do not have."""

from contextlib import closing

import click
import msgspec

from channelwatch.archive import ledger, standing
from channelwatch.archive.file import Archive
from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import print_json, print_table
from channelwatch.clock import SystemClock


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@with_workspace
def coverage(workspace: Workspace, as_json: bool) -> None:
    """Say per channel what we have, and what we know we do not have.

    Over the message ids above start up to mark, stored + empty + quarantined + purged + open holes = mark − start.
    Exit code 1 when that does not hold for some channel.
    """
    with closing(Archive(workspace.archive).reader()) as connection:
        accounts = ledger.balance(connection)
        lags = {channel.id: channel for channel in standing.read(connection, SystemClock().now()).channels}
    if as_json:
        print_json(
            {
                "channels": [
                    {
                        **msgspec.structs.asdict(account),
                        "lag": lags[account.channel_id].lag_median,
                        "last_sweep": lags[account.channel_id].last_sweep,
                        "holds": account.holds,
                    }
                    for account in accounts
                ],
                "holds": all(account.holds for account in accounts),
            }
        )
    else:
        print_table(
            [
                (
                    account.channel,
                    account.start,
                    account.mark,
                    account.stored,
                    account.certified_empty,
                    account.quarantined,
                    account.purged,
                    account.open_holes,
                    max(0, (account.top or 0) - account.mark),
                    _seconds(lags[account.channel_id].lag_median),
                    "yes" if account.holds else "NO",
                )
                for account in accounts
            ],
            [
                "channel",
                "start",
                "mark",
                "stored",
                "empty",
                "quarantined",
                "purged",
                "holes",
                "waiting",
                "lag",
                "adds up",
            ],
        )
    if not all(account.holds for account in accounts):
        click.echo("The accounts of some channels do not add up: please report this with the file's copy.", err=True)
        raise click.exceptions.Exit(1)


def _seconds(lag: float | None) -> str:
    return "" if lag is None else f"{lag:.1f} s"
