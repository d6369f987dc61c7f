"""``channelwatch simulate``: serve a scripted Telegram world to rehearse against."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from channelwatch.errors import WatchError

if TYPE_CHECKING:
    from channelwatch.simulator.botapi import BotApi
    from channelwatch.simulator.scenario import Performance, Scenario


@click.command()
@click.argument("world", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1 (default: any free one).")
@click.option("--api-port", type=click.IntRange(0, 65535), default=0, help="Port of the Bot API (default: free).")
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="2 plays the script twice as fast, 0 as fast as it goes.",
)
@click.option("--at-once", is_flag=True, help="Start the script now, not when the first client is logged in.")
def simulate(world: Path, port: int, api_port: int, speed: float, at_once: bool) -> None:
    """Serve the world of a WORLD.toml as a Telegram data centre on this machine.

    Prints the settings that a daemon needs, then every login code that it "sends". The script starts when the first
    client is logged in; after its end the data centre goes on until Ctrl-C.
    """
    from channelwatch.simulator.scenario import Scenario

    scenario = Scenario.read(world)
    try:
        asyncio.run(_serve(scenario, scenario.open(port=port, speed=speed), api_port, at_once))
    except OSError as error:
        raise WatchError(f"can't listen: {error}", remedy="choose another --port or --api-port") from None


async def _serve(scenario: "Scenario", play: "Performance", api_port: int, at_once: bool) -> None:
    from channelwatch.simulator.botapi import BotApi
    from channelwatch.simulator.login import logins

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    dc = play.dc
    api = BotApi({bot.token: bot.name for bot in scenario.bots}, port=api_port)
    for chat in {chat for bot in scenario.bots for chat in bot.chats}:
        api.add_chat(chat)
    logins(dc.world).on_code = lambda phone, code: click.echo(f"login code for +{phone}: {code}")
    async with dc, contextlib.AsyncExitStack() as stack:
        if scenario.bots:
            await stack.enter_async_context(api)
        click.echo(settings(scenario, play, api if scenario.bots else None))
        playing = asyncio.create_task(_play(play, at_once))
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            if isinstance(error := playing.exception(), ValueError):
                raise WatchError(f"the script stopped: {error}") from None
            playing.result()
            click.echo("The script is over; the data centre goes on until Ctrl-C.")
            await stopping
        playing.cancel()
        await asyncio.wait({playing})
    calls = ", ".join(f"{name} {count}" for name, count in dc.calls.most_common())
    click.echo(f"Stopped. Calls: {calls or 'none'}.")
    if dc.unknown_calls:
        click.echo(f"Not understood: {', '.join(dc.unknown_calls)}.")
    if dc.crashes:
        raise WatchError(f"the simulator failed {len(dc.crashes)} times; first: {dc.crashes[0]!r}")


async def _play(play: "Performance", at_once: bool) -> None:
    if not at_once:
        await play.dc.first_client.wait()
    if play.events:
        click.echo("The script starts.")
    await play.play()


def settings(scenario: "Scenario", play: "Performance", api: "BotApi | None" = None) -> str:
    """Return what has to stand in ``channelwatch.toml`` and ``.env``, ready to be pasted."""
    dc = play.dc
    lines = [
        f"A Telegram data centre with {len(scenario.channels)} channels is on {dc.host}:{dc.port}.",
        "",
        "# channelwatch.toml: this instead of its own [telegram] table and channels (rules may name those)",
        "[telegram]",
        f"dc_id = {dc.dc_id}",
        f'dc_host = "{dc.host}"',
        f"dc_port = {dc.port}",
        f"rsa_key_file = '{dc.rsa_key_file}'",
        "",
    ]
    if api is not None:
        chats = [chat for bot in scenario.bots for chat in bot.chats]
        lines += [
            "[outlets.desk]",
            'kind = "telegram"',
            f"chat = {chats[0] if chats else 0}",
            f'api = "{api.url}"',
            "",
        ]
    people = [user for user in scenario.world.users.values() if user.phone]
    joined = {channel.id for user in people[:1] for channel in scenario.world.joined(user)}
    for channel in scenario.channels.values():
        lines += ["[[channels]]", f'name = "{channel.name or f"-100{channel.id}"}"']
        lines += ["join = true", ""] if channel.id in joined else [""]
    lines += ["# .env", "API_ID=12345", "API_HASH=0123456789abcdef0123456789abcdef"]
    for user in people:
        password = f"  # 2FA password: {user.password}" if user.password else ""
        lines.append(f"PHONE=+{user.phone}{password}")
    lines += [f"BOT_TOKEN={bot.token}" for bot in scenario.bots]
    return "\n".join([*lines, ""])
