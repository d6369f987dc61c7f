"""``channelwatch alerts``: what was told, where, and why."""

from typing import TYPE_CHECKING

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import clean, one_line, print_json, print_table

if TYPE_CHECKING:
    from channelwatch.archive.alerts import DeliveryShown, State
    from channelwatch.service.requests import Verb

_SHOWN = 50
"""Alerts in a table when nobody says how many."""


@click.group()
def alerts() -> None:
    """List alerts with their deliveries and reasons; resend or dismiss what was given up."""


@alerts.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=2**31),
    help="At most so many, newest first (default: 50; all with --json).",
)
@click.option("--state", type=click.Choice(["ringing", "quiet"]), help="Only those that rang, or that stayed quiet.")
@with_workspace
def list_(workspace: Workspace, as_json: bool, limit: int | None, state: "State | None") -> None:
    """List alerts, newest first: those that rang, and those that stayed quiet with the reason why."""
    from contextlib import closing

    from channelwatch.archive.alerts import listed
    from channelwatch.archive.file import Archive
    from channelwatch.clock import from_iso
    from channelwatch.config import times

    with closing(Archive(workspace.archive).reader()) as connection:
        found = listed(connection, limit=limit or (None if as_json else _SHOWN), state=state)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No alerts.")
        return
    zone = times.zone(workspace.zone)
    print_table(
        [
            (
                alert.id,
                f"{from_iso(alert.raised_at).astimezone(zone):%Y-%m-%d %H:%M:%S}",
                alert.severity if alert.state == "ringing" else "quiet",
                one_line(alert.rule, 30),
                one_line(", ".join(alert.places), 30),
                alert.url,
                ", ".join(map(_delivery, alert.deliveries)),
                one_line(alert.reason, 60),
            )
            for alert in found
        ],
        headers=("id", f"raised ({workspace.zone})", "severity", "rules", "places", "post", "deliveries", "reason"),
    )


@alerts.command()
@click.argument("ids", nargs=-1, type=click.IntRange(min=1, max=2**63 - 1), metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that was given up.")
@click.option("--dry-run", is_flag=True, help="Only show what would be sent again.")
@with_workspace
def resend(workspace: Workspace, ids: tuple[int, ...], everything: bool, dry_run: bool) -> None:
    """Send again what was given up.

    ID is an alert's number in `channelwatch alerts list`. A message whose earlier copy may have arrived is marked
    "(may repeat)". Works beside a running daemon; without one it is sent at the next start. Exit code 1 when an alert
    has nothing that was given up, or its outlet is no longer configured.
    """
    _settle(workspace, "resend", ids, everything, dry_run)


@alerts.command()
@click.argument("ids", nargs=-1, type=click.IntRange(min=1, max=2**63 - 1), metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that was given up.")
@click.option("--dry-run", is_flag=True, help="Only show what would be dismissed.")
@with_workspace
def dismiss(workspace: Workspace, ids: tuple[int, ...], everything: bool, dry_run: bool) -> None:
    """Say that you have seen to what was given up.

    ID is an alert's number in `channelwatch alerts list`. What is dismissed stays in that list with its reason;
    `status` and /health no longer count it. Exit code 1 when an alert has nothing that was given up.
    """
    _settle(workspace, "dismiss", ids, everything, dry_run)


def _settle(workspace: Workspace, verb: "Verb", ids: tuple[int, ...], everything: bool, dry_run: bool) -> None:
    """Resend or dismiss, and say what became of it."""
    from contextlib import closing

    from channelwatch.archive.file import Archive
    from channelwatch.clock import SystemClock
    from channelwatch.service.requests import settle, settled

    if bool(ids) == everything:
        raise click.UsageError("name alerts by their ID, or say --all")
    wanted = None if everything else ids
    if dry_run:
        names = [outlet.name for outlet in workspace.config.outlets] if verb == "resend" else []
        with closing(Archive(workspace.archive).reader()) as connection:
            found = settle(connection, verb, wanted, names, SystemClock(), dry=True)
        if found.done:
            print_table(
                [(each.alert, each.outlet, each.part, one_line(each.error)) for each in found.done],
                headers=("alert", "outlet", "part", "given up because"),
            )
    else:
        found = settled(workspace, verb, wanted)
    became = {"resend": "due again", "dismiss": "dismissed"}[verb]
    click.echo(f"{len(found.done)} deliveries {'would be' if dry_run else 'are'} {became}")
    missing = set(ids) - {each.alert for each in (*found.done, *found.left)}
    for alert in sorted(missing):
        click.echo(f"alert {alert}: nothing of it was given up", err=True)
    for each in found.left:
        remedy = "name it in channelwatch.toml again, or dismiss the delivery"
        click.echo(f"alert {each.alert}: there is no outlet {clean(each.outlet)} — {remedy}", err=True)
    if missing or found.left:
        raise click.exceptions.Exit(1)


def _delivery(delivery: "DeliveryShown") -> str:
    part = f" part {delivery.part}" if delivery.part > 1 else ""
    why = f": {one_line(delivery.error, 60)}" if delivery.error else ""
    return f"{delivery.outlet}{part} {delivery.state}{why}"
