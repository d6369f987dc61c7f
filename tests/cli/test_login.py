"""``channelwatch login`` as a real process on a pseudo-terminal, against the simulator."""

import base64
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telethon.tl import types

from channelwatch.cli.login import _spell
from channelwatch.config.model import Secrets
from channelwatch.service.lock import InstanceLock
from channelwatch.simulator.login import logins
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import User, World
from channelwatch.telegram import keyfile
from channelwatch.telegram.keyfile import Key

from .terminal_child import CHANNELWATCH, TerminalChild, environment

PHONE = "+9996620022"


@pytest.fixture
async def dc() -> AsyncIterator[DataCentre]:
    async with DataCentre(World(seed=5)) as centre:
        yield centre
    assert centre.crashes == []


@pytest.fixture
def me(dc: DataCentre) -> User:
    return dc.world.add_user(phone=PHONE, password="Граница 23", name="Watcher")


@pytest.fixture
def folder(tmp_path: Path, dc: DataCentre) -> Path:
    """Return a config folder that points at the simulator; the data folder is ``data`` beside it."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "channelwatch.toml").write_text(
        f'[archive]\nfile = "{tmp_path}/data/channelwatch.db"\n\n[telegram]\ndc_id = 2\ndc_host = "127.0.0.1"\n'
        f'dc_port = {dc.port}\nrsa_key_file = "{dc.rsa_key_file}"\n'
    )
    (folder / ".env").write_text("API_ID=12345\nAPI_HASH=c0ffeec0ffeec0ffeec0ffee\n")
    (folder / ".env").chmod(0o600)
    return folder


def login(folder: Path, *more: str, **environ: str) -> TerminalChild:
    return TerminalChild(folder.parent, "--config", str(folder), "login", *more, **environ)


async def test_a_person_logs_in_with_number_code_and_password(dc: DataCentre, me: User, folder: Path) -> None:
    async with login(folder) as child:
        await child.expect("SECONDARY account")
        await child.expect("[phone]")
        child.type("")
        await child.expect("Phone number")
        child.type(PHONE)
        await child.expect("does NOT come by SMS")
        await child.expect("Code:")
        assert child.echoes()
        child.type(logins(dc.world).code(PHONE))
        await child.expect("2FA password:")
        assert not child.echoes()
        child.type("Граница 23")
        await child.expect("Logged in as Watcher")
        await child.expect("channelwatch run")
        assert await child.ends() == 0
        assert child.echoes()
        assert "Граница" not in child.screen
    path = folder.parent / "data" / "telegram.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    key = keyfile.load(path.parent, Secrets())
    assert key.user_id == me.id
    assert next(known.user for known in dc.world.keys.values() if known.data == key.auth_key) is me
    assert key.auth_key.hex() not in child.screen


async def test_a_qr_code_is_drawn_and_scanned(dc: DataCentre, me: User, folder: Path) -> None:
    me.password = None
    async with login(folder, "--qr") as child:
        await child.expect("Link Desktop Device")
        await child.expect("▄")
        [token] = logins(dc.world).tokens.values()
        token.user = me
        for session in dc.sessions.values():
            session.push(types.UpdateShort(types.UpdateLoginToken(), dc.now()))
        await child.expect("Logged in as Watcher")
        assert await child.ends() == 0
    [token_bytes] = logins(dc.world).tokens
    assert base64.urlsafe_b64encode(token_bytes).decode().rstrip("=") not in child.screen  # drawn, not written


async def test_ctrl_c_at_the_password_leaves_no_key_and_a_terminal_that_echoes(
    dc: DataCentre, me: User, folder: Path
) -> None:
    async with login(folder, "--phone", PHONE) as child:
        await child.expect("Code:")
        child.type(logins(dc.world).code(PHONE))
        await child.expect("2FA password:")
        child.press(b"\x03")
        assert await child.ends() == 130
        assert child.echoes()
        assert "Traceback" not in child.screen
    assert not (folder.parent / "data" / "telegram.key").exists()


async def test_a_login_waits_for_no_rule_to_be_right(dc: DataCentre, me: User, folder: Path) -> None:
    (folder / "rules.toml").write_text("[[rules]]\nname = 1\n")
    async with login(folder, "--phone", PHONE) as child:
        await child.expect("Code:")


async def test_end_of_input_is_an_interruption(dc: DataCentre, me: User, folder: Path) -> None:
    async with login(folder, "--phone", PHONE) as child:
        await child.expect("Code:")
        child.press(b"\x04")
        assert await child.ends() == 130


async def test_a_login_that_is_there_is_not_replaced_without_asking(dc: DataCentre, me: User, folder: Path) -> None:
    kept = Key(dc_id=2, host="127.0.0.1", port=dc.port, auth_key=b"\x07" * 256, user_id=42)
    keyfile.save(folder.parent / "data", kept)
    async with login(folder) as child:
        await child.expect("There is a login already (user id 42)")
        child.type("n")
        assert await child.ends() == 0
    assert keyfile.load(folder.parent / "data", Secrets()) == kept
    assert dc.calls["auth.sendCode"] == 0


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("400 PHONE_NUMBER_BANNED", 77, "banned this number"),
        ("400 API_ID_INVALID", 78, "my.telegram.org"),
        ("420 FLOOD_WAIT_7800", 75, "wait 2 h 10 min"),
        ("400 PHONE_NUMBER_FLOOD", 75, "wait a day"),
    ],
)
async def test_a_refusal_is_one_sentence_with_its_remedy_and_exit_code(
    dc: DataCentre, me: User, folder: Path, fault: str, code: int, words: str
) -> None:
    dc.fault("auth.sendCode", fault)
    async with login(folder, "--phone", PHONE) as child:
        await child.expect(words)
        assert await child.ends() == code
        assert "Traceback" not in child.screen
        assert "c0ffee" not in child.screen


async def test_a_server_that_is_away_is_one_sentence(dc: DataCentre, me: User, folder: Path) -> None:
    await dc.stop()
    async with login(folder, "--phone", PHONE) as child:
        await child.expect("can't be reached")
        assert await child.ends() == 75
        assert "Traceback" not in child.screen
        assert "Attempt" not in child.screen


async def test_the_running_daemon_keeps_its_data_folder(dc: DataCentre, me: User, folder: Path) -> None:
    with InstanceLock(folder.parent / "data"):
        async with login(folder, "--phone", PHONE) as child:
            await child.expect("another channelwatch")
            assert await child.ends() == 75
    assert dc.calls["auth.sendCode"] == 0


async def test_a_session_string_in_the_way_is_told(dc: DataCentre, me: User, folder: Path) -> None:
    async with login(folder, SESSION_STRING="1abc") as child:
        await child.expect("SESSION_STRING")
        assert await child.ends() == 78


def test_without_a_terminal_it_refuses_and_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [CHANNELWATCH, "--config", str(tmp_path), "login"],
        input="",
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "-it" in done.stderr


@pytest.mark.parametrize(
    ("seconds", "spelled"), [(45, "45 seconds"), (300, "5 minutes"), (301, "6 minutes"), (7800, "2 h 10 min")]
)
def test_waits_are_spelled_for_people(seconds: float, spelled: str) -> None:
    assert _spell(seconds) == spelled
