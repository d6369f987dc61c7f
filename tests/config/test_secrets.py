"""Secrets of .env and the environment."""

import os
from pathlib import Path

import pytest

from channelwatch.config import secrets
from channelwatch.config.model import Secret
from channelwatch.errors import ConfigError


def env(folder: Path, text: str, mode: int = 0o600) -> Path:
    (folder / ".env").write_text(text, encoding="utf-8")
    (folder / ".env").chmod(mode)
    return folder


def shown(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None


def test_no_file_and_no_entries_are_no_secrets(tmp_path: Path) -> None:
    found = secrets.load(tmp_path, {})
    assert (found.api_id, found.api_hash, found.bot_token, found.other) == (None, None, None, {})


@pytest.mark.parametrize("prefix", ["", "TG_", "TELEGRAM_"])
def test_each_spelling_is_taken_from_the_file_and_from_the_environment(tmp_path: Path, prefix: str) -> None:
    where = env(tmp_path, f"{prefix}API_ID=12345\n{prefix}API_HASH='abc $HOME'\nPHONE=\n")
    found = secrets.load(where, {f"{prefix}BOT_TOKEN": "1:x"})
    assert (found.api_id, shown(found.api_hash), shown(found.bot_token), found.phone) == (
        12345,
        "abc $HOME",
        "1:x",
        None,
    )


@pytest.mark.parametrize("prefix", ["", "TG_", "TELEGRAM_"])
def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "hash").write_text("from a file\n")
    where = env(tmp_path, f"{prefix}API_HASH_FILE=hash\n")
    assert shown(secrets.load(where, {}).api_hash) == "from a file"
    assert shown(secrets.load(where, {f"{prefix}PHONE_FILE": str(tmp_path / "hash")}).phone) == "from a file"


def test_the_environment_wins_over_the_file_and_is_left_as_it_is(tmp_path: Path) -> None:
    before = dict(os.environ)
    found = secrets.load(env(tmp_path, "API_HASH=file\nPHONE=+100\n"), {"TG_API_HASH": "environment"})
    assert (shown(found.api_hash), shown(found.phone)) == ("environment", "+100")
    assert dict(os.environ) == before


def test_an_outlet_names_an_entry_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "channelwatch.toml").write_text('[outlets.desk]\nkind = "telegram"\nchat = 5\ntoken = "DESK_TOKEN"\n')
    found = secrets.load(env(tmp_path, "DESK_TOKEN=1:abc\n"), {})
    assert {name: secret.reveal() for name, secret in found.other.items()} == {"DESK_TOKEN": "1:abc"}


def test_a_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.env: may be read by everybody .*0644.* — run: chmod 600 .*/\.env"):
        secrets.load(env(tmp_path, "PHONE=+100\n", 0o644), {})


def test_every_problem_is_told_and_no_value_is_shown(tmp_path: Path) -> None:
    where = env(tmp_path, "API_ID=s3cret\nAPI_HSH=s3cret\ns3cret\nBOT_TOKEN_FILE=nowhere\nPHONE='s3cret\n")
    with pytest.raises(ConfigError) as caught:
        secrets.load(where, {"SESSION_STRING_FILE": str(tmp_path)})
    said = str(caught.value)
    assert "s3cret" not in said.replace(".env: s3cret: ", "")
    for line in (
        ".env: API_ID: is not a number",
        '.env: API_HSH: unknown entry — did you mean "API_HASH"?',
        ".env: line 3: is not NAME=value",
        ".env: line 5: is not NAME=value",
        ".env: BOT_TOKEN_FILE: nowhere can't be read: No such file or directory",
        "environment: SESSION_STRING_FILE:",
    ):
        assert line in said
    assert len(caught.value.problems) == 6


def test_secrets_do_not_print_themselves(tmp_path: Path) -> None:
    found = secrets.load(env(tmp_path, "API_ID=5\nAPI_HASH=s3cret\nPHONE=+100200\n"), {})
    assert "s3cret" not in repr(found)
    assert "100200" not in repr(found)
