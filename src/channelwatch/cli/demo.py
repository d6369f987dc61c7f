"""``channelwatch demo``: the story of 22 May 2023, played on this machine with the real daemon."""

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import msgspec

from channelwatch.cli.printing import one_line, print_json, print_table
from channelwatch.errors import ArchiveError, WatchError

if TYPE_CHECKING:
    from channelwatch.service.stage import Stage
    from channelwatch.simulator.scenario import Performance

MARKER = ".channelwatch-demo"
CHAT = 20230522
POLLED = "prigranichye_chat"
RULES = (
    {"name": "belgorod-oblast", "query": "region:RU-BEL"},
    {
        "name": "under-fire",
        "query": "region:RU-BEL (обстрел OR взрыв OR вибух OR хлопок OR беспилотник OR ранить OR fighting)",
        "severity": "critical",
        "outlets": ["console", "desk"],
    },
    {"name": "evacuation", "query": 'эвакуация OR "counter-terrorism" OR "контртеррористической операции"'},
)
QUERIES = ("обстрел", "region:RU-BEL -легион", '"передовые группы" OR Graivoron')


@click.command()
@click.option("--fast", is_flag=True, help="As fast as it goes instead of at a pace to watch.")
@click.option("--json", "as_json", is_flag=True, help="Nothing but the summary, as one JSON object.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("demo-run"),
    show_default=True,
    help="Where it plays; the archive stays there.",
)
def demo(fast: bool, as_json: bool, folder: Path) -> None:
    """Play the story of 22 May 2023.

    A simulated Telegram and the real daemon, both on this machine: seven channels, an edit, a deletion, an album,
    a forward, a copied post, a cut line, and a daemon that is killed and started again. Exit code 0 only if nothing was
    lost or doubled.
    """
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise WatchError(f"{folder} is not empty and not a demo's", remedy="name another folder with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    (folder / MARKER).touch()
    summary = asyncio.run(_play(folder, fast=fast, quiet=as_json))
    if as_json:
        print_json(summary)
    else:
        _show(summary, folder)
    if not summary["good"]:
        raise click.exceptions.Exit(1)


async def _play(folder: Path, *, fast: bool, quiet: bool) -> dict[str, Any]:
    from channelwatch.service.stage import Stage
    from channelwatch.simulator.botapi import BotApi
    from channelwatch.simulator.scenario import Scenario

    with as_file(files("channelwatch.simulator") / "worlds" / "belgorod.toml") as world_file:
        scenario = Scenario.read(world_file)
    play = scenario.open(speed=0 if fast else 1)
    bot = scenario.bots[0]
    loop, playing = asyncio.get_running_loop(), asyncio.current_task()
    assert playing is not None  # noqa: S101 -- we are inside one
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, playing.cancel)  # the daemon must not outlive us
    say: Callable[[str], None] = (lambda _text: None) if quiet else click.echo
    async with play.dc, BotApi({bot.token: bot.name}) as api:
        api.add_chat(CHAT)
        stage = Stage(folder, play.dc, api)
        _furnish(stage, bot.token)
        say("A Telegram of our own speaks MTProto on this machine; the daemon starts.\n")
        with _alerts_to(folder, quiet) as out:
            watching = None if quiet else asyncio.create_task(_narrate(stage))
            try:
                await stage.start(stdout=out)
                await stage.until(lambda archive: _begun(archive, len(scenario.channels)), within=60)
                await _perform(stage, play, out, say)
                await stage.until(lambda archive: _settled(archive, play), within=90)
                await stage.stop()
            finally:
                await stage.kill()
                if watching is not None:
                    watching.cancel()
        return _summary(stage, api.messages(CHAT))


async def _perform(stage: "Stage", play: "Performance", out: IO[Any] | int | None, say: Callable[[str], None]) -> None:
    """Play the script; at its marks the daemon is killed and comes back."""

    async def at_mark(name: str) -> None:
        if name == "killed":
            # However fast the script goes: something must be under way that a kill can hurt.
            await stage.until(_alerted, within=10)
            say("\n*** the daemon is killed (SIGKILL); the world goes on ***\n")
            await stage.kill()
        elif name == "back":
            say("\n*** the daemon is started again ***\n")
            await stage.start(stdout=out)

    def on_event(event: Any) -> None:
        told = {"cut": "the line to Telegram is cut", "edit": "a post is edited", "delete": "a post is deleted"}
        word = told.get(event.__struct_config__.tag)
        if word:
            say(f"\n*** {word} ***\n")

    await play.play(on_mark=at_mark, on_event=on_event)


def _furnish(stage: "Stage", token: str) -> None:
    world = stage.dc.world
    homes = {"gubernator_bel": ["RU-BEL"], POLLED: ["RU-BEL"], "kharkiv_ranok": ["UA-63"]}
    stage.furnish(
        next(iter(world.users.values())),
        [
            {
                "name": channel.name,
                "join": channel.name != POLLED,
                **({"home": homes[channel.name]} if channel.name in homes else {}),
                **({"max_lag": "5s"} if channel.name == POLLED else {}),
            }
            for channel in world.channels.values()
        ],
        RULES,
        bot_token=token,
        telegram={"pace": 20.0},
        outlets={"desk": {"kind": "telegram", "chat": CHAT, "api": stage.api.url if stage.api else ""}},
    )


def _alerts_to(folder: Path, quiet: bool) -> Any:
    """Where the daemon's console outlet writes: our own terminal, or a file beside the archive."""
    if not quiet and sys.stdout.isatty():
        return contextlib.nullcontext(sys.stdout)
    return (folder / "alerts.jsonl").open("ab")


async def _narrate(stage: "Stage") -> None:
    """Print posts as they reach the archive, until cancelled."""
    seen = 0
    alerts = 0
    while True:
        await asyncio.sleep(0.2)
        with contextlib.suppress(ArchiveError), contextlib.closing(stage.archive.reader()) as connection:
            # not there yet, or being made just now
            for revision, channel, came, text, media, message_id in connection.execute(
                """
                SELECT r.id, coalesce(c.alias, c.name, c.title), p.came, p.text, p.media, p.message_id
                FROM revisions r JOIN posts p ON p.id = r.post_id JOIN channels c ON c.id = p.channel_id
                WHERE r.id > ? ORDER BY r.id
                """,
                (seen,),
            ):
                shown = one_line(text, 80) or f"[{media or 'no text'}]"
                seen = revision
                click.echo(f"{came:>8}  {channel}/{message_id}: {shown}")
            if not sys.stdout.isatty():
                alerts = _tell_alerts(connection, alerts)


def _tell_alerts(connection: sqlite3.Connection, seen: int) -> int:
    """Print ringing alerts that are new since `seen`; return the newest id. For output that is no terminal."""
    from channelwatch.archive.alerts import listed

    new = [alert for alert in listed(connection) if alert.id > seen and alert.state == "ringing"]
    for alert in reversed(new):
        click.echo(f"   ALERT  {alert.rule}: {', '.join(alert.places)} – {alert.url} ({alert.reason})")
    return max([seen, *(alert.id for alert in new)])


def _begun(connection: sqlite3.Connection, channels: int) -> bool:
    """Tell whether every channel is watched and its past was read."""
    started = connection.execute("SELECT count(*) FROM channels WHERE start IS NOT NULL").fetchone()[0]
    reading = connection.execute("SELECT count(*) FROM backfills WHERE finished_at IS NULL").fetchone()[0]
    work = connection.execute("SELECT count(*) FROM work").fetchone()[0]
    return bool(started == channels and not reading and not work)


def _alerted(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) >= 3 FROM alerts WHERE state = 'ringing'").fetchone()[0])


def _settled(connection: sqlite3.Connection, play: "Performance") -> bool:
    """Tell whether everything that was posted is stored, matched and told."""
    from channelwatch.service.reckoning import reckon

    work = connection.execute("SELECT count(*) FROM work").fetchone()[0]
    due = connection.execute("SELECT count(*) FROM deliveries WHERE state IN ('due', 'sending')").fetchone()[0]
    found = reckon(connection, play.dc.world, history=True)
    return not (work or due) and found.good and not found.undeleted


def _summary(stage: "Stage", told: list[Any]) -> dict[str, Any]:
    from channelwatch.archive.alerts import listed
    from channelwatch.archive.ledger import balance
    from channelwatch.service.reckoning import reckon

    connection = stage.archive.reader()
    try:
        found = reckon(connection, stage.dc.world, history=True)
        posts = dict(connection.execute("SELECT channel_id, count(*) FROM posts GROUP BY 1"))
        books = [
            {**msgspec.structs.asdict(book), "posts": posts.get(book.channel_id, 0), "holds": book.holds}
            for book in balance(connection)
        ]
        alerts = [msgspec.to_builtins(alert) for alert in reversed(listed(connection, state="ringing"))]
        quiet = connection.execute("SELECT count(*) FROM alerts WHERE state = 'quiet'").fetchone()[0]
    finally:
        connection.close()
    return {
        "good": found.good,
        **msgspec.to_builtins(found),
        "channels": books,
        "alerts": alerts,
        "quiet_alerts": quiet,
        "messages_to_the_desk": len(told),
        "restarts": stage.starts - 1,
        "archive": str(stage.archive.path),
        "queries": list(QUERIES),
    }


def _show(summary: dict[str, Any], folder: Path) -> None:
    click.secho("\nPosts and coverage", bold=True)
    print_table(
        [
            [
                book["channel"],
                book["posts"],
                book["start"],
                book["mark"],
                book["stored"],
                book["certified_empty"],
                book["open_holes"],
                "yes" if book["holds"] else "NO",
            ]
            for book in summary["channels"]
        ],
        ["channel", "posts", "start", "mark", "stored", "certified empty", "open holes", "adds up"],
    )
    click.echo(
        "\nEvery id from start to mark is stored, certified empty or an open hole: an id that a sweep did not see,\n"
        "asked for again, up to an hour, before it counts as empty. Posts up to start were read back from the past;\n"
        "a post above mark came by push and is counted once a sweep has passed it."
    )
    click.secho(f"\nAlerts raised: {len(summary['alerts'])}", bold=True)
    print_table(
        [
            [
                alert["id"],
                alert["rule"],
                f"{alert['channel']}/{alert['message_id']}",
                ", ".join(alert["places"][:3]),
                alert["reason"],
                " ".join(f"{one['outlet']}:{one['state']}" for one in alert["deliveries"]),
            ]
            for alert in summary["alerts"]
        ],
        ["id", "rules", "post", "places", "reason", "deliveries"],
    )
    click.echo(
        f"\n{summary['quiet_alerts']} more posts matched but never ring (read back from before the watch began); "
        f"{summary['messages_to_the_desk']} messages reached the desk's chat."
    )
    wrong = {name: summary[name] for name in ("lost", "doubled", "unequal", "unbalanced", "repeated") if summary[name]}
    if wrong:
        click.secho(f"Something is wrong: {wrong}; the daemon's log: {folder / 'daemon.log'}", fg="red")
    else:
        click.secho(f"{summary['posts']} posts: nothing lost, nothing doubled.", fg="green")
    program = "channelwatch" if shutil.which("channelwatch") else _near(Path(sys.argv[0]).absolute())
    click.echo("\nTry on the archive it left behind:")
    for query in summary["queries"]:
        quoted = "'" + query + "'"
        click.echo(f"  {program} search --config {_near(folder / 'config')} {quoted}")


def _near(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
