"""``channelwatch status``: how the daemon and each channel are doing."""

from datetime import datetime

import click
import msgspec

from channelwatch.archive.file import Archive
from channelwatch.archive.standing import ChannelStanding, Standing, read
from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, print_json, print_table
from channelwatch.clock import SystemClock, from_iso


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@with_workspace
def status(workspace: Workspace, as_json: bool) -> None:
    """Say how the daemon and each channel are doing.

    Reads the archive alone, so it answers with the daemon running or not. Exit code 1 when something is ill or no
    daemon runs.
    """
    now = SystemClock().now()
    connection = Archive(workspace.archive).reader()
    try:
        standing = read(connection, now)
    finally:
        connection.close()
    expected = _expected_lags(workspace, standing)
    daemon = _daemon(workspace)
    if as_json:
        channels = [
            {**msgspec.structs.asdict(channel), "lag_expected": expected.get(channel.id)}
            for channel in standing.channels
        ]
        print_json({"daemon": daemon, **msgspec.structs.asdict(standing), "channels": channels})
    else:
        _show(standing, expected, daemon, now)
    if daemon is None or standing.outages or standing.dead:
        raise click.exceptions.Exit(1)


def _daemon(workspace: Workspace) -> dict[str, object] | None:
    """Ask the running daemon who it is; None when there is none."""
    from channelwatch.service.control import ask

    answer = ask(workspace.data, {"do": "ping"}, timeout=5)
    return None if answer is None else {"pid": answer["pid"], "since": answer["since"], "line": answer["line"]}


def _expected_lags(workspace: Workspace, standing: Standing) -> dict[int, float]:
    """Return the lag in seconds to expect of each channel, by its rhythm and the call budget."""
    from channelwatch.intake import rhythm

    active = [channel for channel in standing.channels if channel.state == "active"]
    return rhythm.expected_lag([rhythm.Channel(channel.id, joined=channel.joined) for channel in active], 0.3)


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.0f} min"


def _ago(moment: str | None, now: datetime) -> str:
    return "never" if moment is None else f"{_seconds((now - from_iso(moment)).total_seconds())} ago"


def _show(standing: Standing, expected: dict[int, float], daemon: dict[str, object] | None, now: datetime) -> None:
    if daemon is None:
        click.secho("No daemon runs on this data folder; start it with: channelwatch run", fg="yellow")
    else:
        click.echo(f"Daemon: process {daemon['pid']} since {daemon['since']}, line {daemon['line']}")
    click.echo(
        f"Archive: {standing.posts} posts; {standing.work} wait for the rules; "
        f"{standing.due} deliveries due, {standing.dead} given up\n"
    )

    def row(channel: ChannelStanding) -> list[object]:
        return [
            channel.channel,
            channel.state,
            "joined" if channel.joined else "polled",
            channel.posts,
            channel.waiting,
            channel.open_holes,
            _ago(channel.last_sweep, now),
            _seconds(expected.get(channel.id)),
            _seconds(channel.lag_median),
            _seconds(channel.lag_p99),
        ]

    print_table(
        map(row, standing.channels),
        ["channel", "state", "how", "posts", "waiting", "holes", "swept", "lag expected", "lag median", "lag p99"],
    )
    for method, until in standing.pauses.items():
        click.secho(f"Telegram asked us to pause {method} until {until}", fg="yellow")
    for what, since, reason in standing.outages:
        click.secho(f"Trouble since {since}: {what}: {clean(reason)}", fg="red")
    for job, (success, failures, error) in standing.jobs.items():
        if failures:
            click.secho(f"Job {job} failed {failures} times since {success}: {clean(error or '')}", fg="red")
