"""``channelwatch status``: how the daemon and each channel are doing."""

from datetime import datetime, timedelta
from typing import Any

import click
import msgspec

from channelwatch.archive.file import Archive
from channelwatch.archive.standing import ChannelStanding, Standing, read
from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, print_json, print_table
from channelwatch.clock import SystemClock, from_iso, iso
from channelwatch.errors import WatchError


class Live(msgspec.Struct, frozen=True):
    """What only the running daemon knows (`service.watched.Status`, as its socket sends it)."""

    line: str = "up"
    line_reason: str = ""
    channels: tuple[dict[str, Any], ...] = ()
    unresolved: dict[str, str] = {}
    resolve_seconds: float = 0.0
    backfills: int = 0
    troubles: tuple[str, ...] = ()
    """What is wrong that the archive can't say."""

    def ills(self) -> list[str]:
        """Return what a person must look at, one sentence each."""
        found = list(self.troubles)
        if self.line != "up":
            found.append(f"the line to Telegram is {self.line}" + (f": {self.line_reason}" if self.line_reason else ""))
        return found + [f"{name} can't be found: {problem}" for name, problem in self.unresolved.items() if problem]

    def of(self, key: str) -> dict[int, Any]:
        """Return one value of every channel that has it, by channel id."""
        return {channel["id"]: channel[key] for channel in self.channels if channel.get(key)}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@with_workspace
def status(workspace: Workspace, as_json: bool) -> None:
    """Say how the daemon and each channel are doing.

    Lags and channels that can't be found or read come from the running daemon; without one the archive alone answers.
    Exit code 1 when something is ill or no daemon runs.
    """
    now = SystemClock().now()
    connection = Archive(workspace.archive).reader()
    try:
        standing = read(connection, now)
    finally:
        connection.close()
    daemon = _daemon(workspace)
    live = _live(workspace) if daemon is not None else None
    expected = live.of("expected_lag") if live is not None else _expected_lags(standing)
    if as_json:
        gone = live.of("gone") if live is not None else {}
        channels = [
            {
                **msgspec.structs.asdict(channel),
                "lag_expected": expected.get(channel.id),
                "gone": gone.get(channel.id),
            }
            for channel in standing.channels
        ]
        resolving = {
            "unresolved": live.unresolved if live is not None else None,
            "ills": live.ills() if live is not None else None,
            "resolved_by": _resolved_by(live, now) if live is not None else None,
        }
        print_json({"daemon": daemon, **msgspec.structs.asdict(standing), "channels": channels, **resolving})
    else:
        _show(standing, expected, daemon, now)
        if live is not None:
            _show_live(live, {channel.id: channel.channel for channel in standing.channels}, now)
    ill = standing.outages or standing.outlets or standing.dead_lately or (live is not None and live.ills())
    if daemon is None or ill:
        raise click.exceptions.Exit(1)


def _daemon(workspace: Workspace) -> dict[str, object] | None:
    """Ask the running daemon who it is; None when there is none."""
    from channelwatch.service.control import ask

    answer = ask(workspace.data, {"do": "ping"}, timeout=5)
    return None if answer is None else {"pid": answer["pid"], "since": answer["since"], "line": answer["line"]}


def _live(workspace: Workspace) -> Live | None:
    """Ask the running daemon how its watch stands; None when it can't say."""
    from channelwatch.service.control import ask

    try:
        answer = ask(workspace.data, {"do": "status"}, timeout=5)
    except WatchError:  # another version, or it is just leaving
        return None
    return None if answer is None else msgspec.convert(answer["watch"] | {"troubles": answer.get("troubles", ())}, Live)


def _expected_lags(standing: Standing) -> dict[int, float]:
    """Return the lag in seconds to expect of each channel, when nothing but the archive is known of it."""
    from channelwatch.intake import rhythm

    active = [channel for channel in standing.channels if channel.state == "active"]
    return rhythm.expected_lag([rhythm.Channel(channel.id, joined=channel.joined) for channel in active], 0.3)


def _resolved_by(live: Live, now: datetime) -> str | None:
    """Return when the last name that waits its turn should be known, or None where none does."""
    waiting = any(not problem for problem in live.unresolved.values())
    return iso((now + timedelta(seconds=live.resolve_seconds)).replace(microsecond=0)) if waiting else None


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
    for outlet in standing.outlets:
        waits = f"{outlet.waiting} deliveries wait, tried again at {outlet.until}"
        click.secho(f"Outlet {clean(outlet.outlet)} since {outlet.since}: {clean(outlet.reason)}; {waits}", fg="red")
    if standing.dead_lately:
        remedy = "see channelwatch alerts list, then alerts resend or alerts dismiss"
        click.secho(f"{standing.dead_lately} deliveries of the last day were given up — {remedy}", fg="red")
    for job, (success, failures, error) in standing.jobs.items():
        if failures and daemon is not None:  # an earlier run's failures are nobody's trouble now
            since = f"since {success}" if success else "and never succeeded"
            click.secho(f"Job {job} failed {failures} times {since}: {clean(error or '')}", fg="red")


def _show_live(live: Live, labels: dict[int, str], now: datetime) -> None:
    if live.backfills:
        click.echo(f"The past of {live.backfills} channels is still being read")
    for number, reason in live.of("gone").items():
        click.secho(f"{clean(labels.get(number, str(number)))} can't be read: {clean(reason)}", fg="red")
    for number, bound in live.of("max_lag").items():
        label = clean(labels.get(number, str(number)))
        click.secho(f"{label}: its max_lag of {_seconds(bound)} can't be kept at this pace", fg="yellow")
    waiting = [name for name, problem in live.unresolved.items() if not problem]
    if waiting:
        names = ", ".join(map(clean, waiting[:5])) + (" …" if len(waiting) > 5 else "")
        click.echo(f"{len(waiting)} channels to look up, the last by {_resolved_by(live, now)}: {names}")
    for ill in live.ills():
        click.secho(clean(ill), fg="red")
