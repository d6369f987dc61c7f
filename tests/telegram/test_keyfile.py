"""The login on disk: private, whole, two generations, never printed."""

import os
import stat
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.crypto import AuthKey
from telethon.sessions import StringSession

from channelwatch.config.model import Secret, Secrets, TelegramConfig
from channelwatch.errors import ConfigError, LoginNeeded
from channelwatch.telegram import keyfile
from channelwatch.telegram.keyfile import Key

AUTH = bytes(range(1, 256)) + b"\x01"
KEY = Key(dc_id=2, host="127.0.0.1", port=4430, auth_key=AUTH, user_id=777)
NOTHING = Secrets()


def test_a_saved_login_comes_back_whole(tmp_path: Path) -> None:
    keyfile.save(tmp_path / "data", KEY)
    assert keyfile.load(tmp_path / "data", NOTHING) == KEY


@given(auth=st.binary(min_size=240, max_size=256))
def test_any_key_comes_back_byte_for_byte(auth: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("data")
    keyfile.save(folder, Key(dc_id=4, host="::1", port=443, auth_key=auth))
    assert keyfile.load(folder, NOTHING).auth_key == auth


def test_file_and_folder_are_private_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keyfile.save(tmp_path / "data", KEY)
        keyfile.save(tmp_path / "data", KEY)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes == {"telegram.key": 0o600, "telegram.key.old": 0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_login_before_the_last_one_is_kept(tmp_path: Path) -> None:
    newer = Key(dc_id=2, host="127.0.0.1", port=4430, auth_key=bytes(reversed(AUTH)), user_id=778)
    keyfile.save(tmp_path, KEY)
    keyfile.save(tmp_path, newer)
    assert keyfile.load(tmp_path, NOTHING) == newer
    (tmp_path / "telegram.key.old").replace(tmp_path / "telegram.key")
    assert keyfile.load(tmp_path, NOTHING) == KEY


def test_a_failed_write_leaves_the_old_login_and_no_litter(tmp_path: Path) -> None:
    keyfile.save(tmp_path, KEY)
    (tmp_path / "telegram.key.old").mkdir()  # nothing can be renamed over it
    with pytest.raises(OSError, match=r"telegram\.key"):
        keyfile.save(tmp_path, Key(dc_id=2, host="h", port=1, auth_key=bytes(reversed(AUTH))))
    assert keyfile.load(tmp_path, NOTHING) == KEY
    assert sorted(path.name for path in tmp_path.iterdir()) == ["telegram.key", "telegram.key.old"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_file_that_others_may_touch_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    keyfile.save(tmp_path, KEY)
    (tmp_path / "telegram.key").chmod(mode)
    with pytest.raises(ConfigError, match=rf"mode {mode:04o}.*chmod 600 {tmp_path}/telegram.key"):
        keyfile.load(tmp_path, NOTHING)


def test_without_a_login_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LoginNeeded, match=r"no Telegram login.*channelwatch login") as caught:
        keyfile.load(tmp_path, NOTHING)
    assert caught.value.exit_code == 77


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version":1,"dc_id":2,"host":"h","port":1,"auth_key":"00ff"}']
)
def test_a_damaged_file_is_a_missing_login_and_the_older_one_is_offered(tmp_path: Path, text: str) -> None:
    keyfile.save(tmp_path, KEY)
    keyfile.save(tmp_path, KEY)
    (tmp_path / "telegram.key").write_text(text)
    with pytest.raises(LoginNeeded, match=r"damaged.*mv .*telegram.key.old"):
        keyfile.load(tmp_path, NOTHING)


def test_a_login_of_a_later_version_is_not_misread(tmp_path: Path) -> None:
    keyfile.save(tmp_path, KEY)
    path = tmp_path / "telegram.key"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(LoginNeeded, match="damaged"):
        keyfile.load(tmp_path, NOTHING)


def _session_string() -> str:
    session = StringSession()
    session.set_dc(4, "149.154.167.91", 443)
    session.auth_key = AuthKey(AUTH)
    text = session.save()
    assert isinstance(text, str)
    return text


def test_a_session_string_wins_over_the_file(tmp_path: Path) -> None:
    keyfile.save(tmp_path, KEY)
    key = keyfile.load(tmp_path, Secrets(session_string=Secret(f" {_session_string()}\n")))
    assert key == Key(dc_id=4, host="149.154.167.91", port=443, auth_key=AUTH)


@pytest.mark.parametrize("text", ["hunter2", "1hunter2", "1" + "A" * 352, "2" + _session_string()[1:]])
def test_a_bad_session_string_is_refused_without_being_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="SESSION_STRING") as caught:
        keyfile.load(tmp_path, Secrets(session_string=Secret(text)))
    assert text not in "".join(traceback.format_exception(caught.value))


def test_a_key_never_prints_itself() -> None:
    assert AUTH.hex() not in f"{KEY!r} {KEY}"
    assert repr(AUTH) not in f"{KEY!r} {KEY}"


def test_a_session_carries_key_and_server() -> None:
    session = KEY.session()
    assert (session.dc_id, session.server_address, session.port) == (2, "127.0.0.1", 4430)
    assert session.auth_key.key == AUTH


def test_the_configured_server_replaces_the_stored_one() -> None:
    session = KEY.session(TelegramConfig(dc_id=3, dc_host="127.0.0.2", dc_port=5000))
    assert (session.dc_id, session.server_address, session.port) == (3, "127.0.0.2", 5000)
