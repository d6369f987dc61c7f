"""``channelwatch simulate`` as a person runs it: a child process, its printed settings, its printed login code."""

import asyncio
import re
import signal
import sys
import tomllib
from pathlib import Path

from click.testing import CliRunner
from telethon import TelegramClient, events
from telethon.sessions import MemorySession

from channelwatch.cli.simulate import simulate
from channelwatch.telegram.server import trust

WORLD = """
[[users]]
phone = "+99966001"
joined = ["border_news"]

[[bots]]
token = "7100001:abc"
name = "desk_bot"

[[channels]]
name = "border_news"

[[events]]
at = 0.3
do = "post"
channel = "border_news"
text = "Козинка"
"""


async def test_a_person_logs_in_with_the_printed_code_and_the_script_starts_then(tmp_path):
    (tmp_path / "world.toml").write_text(WORLD)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "channelwatch", "simulate", str(tmp_path / "world.toml")),
        stdout=asyncio.subprocess.PIPE,
    )
    printed = []

    async def line_with(part):
        async with asyncio.timeout(20):
            while True:
                line = (await child.stdout.readline()).decode()
                assert line, "".join(printed)
                printed.append(line)
                if part in line:
                    return line

    try:
        await line_with("BOT_TOKEN=7100001:abc")
        toml = "".join(printed).partition("# channelwatch.toml:")[2].partition("\n")[2].partition("# .env")[0]
        telegram = tomllib.loads(toml)["telegram"]
        trust(Path(telegram["rsa_key_file"]))
        session = MemorySession()
        session.set_dc(telegram["dc_id"], telegram["dc_host"], telegram["dc_port"])
        client = TelegramClient(session, 12345, "0123456789abcdef0123456789abcdef")
        heard = asyncio.Queue()
        client.add_event_handler(heard.put, events.NewMessage())
        await client.connect()
        await client.send_code_request("+99966001")
        code = re.search(r": (\d+)", await line_with("login code for +99966001"))[1]
        await client.sign_in("+99966001", code)
        await client.get_me()
        await line_with("The script starts.")
        assert (await asyncio.wait_for(heard.get(), 10)).raw_text == "Козинка"
        await client.disconnect()
        await line_with("The script is over")
    finally:
        child.send_signal(signal.SIGINT)
        rest = (await child.stdout.read()).decode()
        await child.wait()
    assert child.returncode == 0
    assert "Stopped. Calls: " in rest
    assert "auth.signIn 1" in rest
    assert "Not understood" not in rest


def test_a_bad_world_is_refused_with_every_problem(tmp_path):
    (tmp_path / "world.toml").write_text('colour = 1\n[[channels]]\nname = "x"\n')
    result = CliRunner().invoke(simulate, [str(tmp_path / "world.toml")])
    assert result.exit_code != 0
    assert "colour" in str(result.exception)
    assert "channels[0]" in str(result.exception)
