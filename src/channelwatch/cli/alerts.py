"""``channelwatch alerts``: what was told, where, and why."""

from typing import TYPE_CHECKING

import click

from channelwatch.cli.options import Workspace, with_workspace
from channelwatch.cli.printing import one_line, print_json, print_table

if TYPE_CHECKING:
    from channelwatch.archive.alerts import DeliveryShown, State

_SHOWN = 50
"""Alerts in a table when nobody says how many."""


@click.group()
def alerts() -> None:
    """List alerts with their deliveries and reasons."""


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


def _delivery(delivery: "DeliveryShown") -> str:
    part = f" part {delivery.part}" if delivery.part > 1 else ""
    why = f": {one_line(delivery.error, 60)}" if delivery.error else ""
    return f"{delivery.outlet}{part} {delivery.state}{why}"
