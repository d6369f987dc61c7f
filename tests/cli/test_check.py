"""``channelwatch check``: every problem at once, with the exit code that tells them apart."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from channelwatch.cli import cli
from channelwatch.telegram import keyfile
from channelwatch.telegram.keyfile import Key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a config folder with nothing wrong in it, login and all."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "channelwatch.toml").write_text(
        '[archive]\nfile = "../data/watch.db"\n[[channels]]\nname = "baza_news"\n', encoding="utf-8"
    )
    (config / "rules.toml").write_text('[[rules]]\nname = "border"\nquery = "Козинка"\n', encoding="utf-8")
    (config / ".env").write_text("API_ID=1\nAPI_HASH=s3cret\n")
    (config / ".env").chmod(0o600)
    keyfile.save(tmp_path / "data", Key(dc_id=2, host="127.0.0.1", port=443, auth_key=bytes(range(1, 256)) + b"\x01"))
    return config


def check(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["check", "--config", str(folder), *more])


def told(result: Result) -> dict[str, list[str]]:
    """Return what was found, each as file: path."""
    found = json.loads(result.stdout)
    return {
        kind: [f"{one['file']}: {one['path']}" for one in found[kind]] for kind in ("problems", "missing", "warnings")
    }


def test_a_good_config_is_good(folder: Path) -> None:
    result = check(folder)
    assert result.exit_code == 0
    assert "1 channels, 1 rules: all good" in result.stdout
    assert json.loads(check(folder, "--json").stdout)["ok"] is True


def test_a_missing_login_is_told_apart_from_a_bad_config(folder: Path) -> None:
    (folder.parent / "data" / "telegram.key").unlink()
    (folder / ".env").write_text("")
    result = check(folder, "--json")
    assert result.exit_code == 77
    assert told(result)["missing"] == [".env: API_ID", ".env: API_HASH", ": login"]
    assert told(result)["problems"] == []


def test_problems_of_config_secrets_key_and_archive_are_told_together(folder: Path) -> None:
    (folder / "rules.toml").write_text('[[rules]]\nname = "a"\nquery = "(дрон"\nseverity = "bad"\n', encoding="utf-8")
    (folder / ".env").chmod(0o644)
    (folder.parent / "data" / "watch.db").write_text("no database")
    result = check(folder, "--json")
    assert result.exit_code == 78
    assert told(result)["problems"] == [
        'rules.toml: rules["a"].severity',
        'rules.toml: rules["a"].query',
        ".env: ",
        f"{folder / '../data/watch.db'}: ",
    ]


def test_a_login_that_others_may_read_is_a_problem(folder: Path) -> None:
    (folder.parent / "data" / "telegram.key").chmod(0o644)
    result = check(folder)
    assert result.exit_code == 78
    assert "telegram.key" in result.stdout


def test_the_spot_in_a_query_is_shown_below_its_line(folder: Path) -> None:
    (folder / "rules.toml").write_text('[[rules]]\nname = "a"\nquery = "взрыв (дрон"\n', encoding="utf-8")
    lines = check(folder).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("error: rules.toml"))
    assert lines[at + 1 : at + 3] == ["    взрыв (дрон", "          ^"]


def test_a_telegram_outlet_needs_its_token(folder: Path) -> None:
    with (folder / "channelwatch.toml").open("a") as file:
        file.write('[outlets.desk]\nkind = "telegram"\nchat = 5\ntoken = "DESK_TOKEN"\n')
    result = check(folder, "--json")
    assert (result.exit_code, told(result)["problems"]) == (78, [".env: DESK_TOKEN"])


def test_a_max_lag_that_the_call_budget_cannot_keep_is_named(folder: Path) -> None:
    many = "".join(f'[[channels]]\nname = "channel_{n}"\nmax_lag = "30s"\n' for n in range(40))
    (folder / "channelwatch.toml").write_text('[archive]\nfile = "../data/watch.db"\n' + many)
    result = check(folder, "--json")
    assert result.exit_code == 0
    assert 'channelwatch.toml: channels["channel_0"].max_lag' in told(result)["warnings"]


def test_what_is_seldom_meant_is_a_warning(folder: Path) -> None:
    (folder / "channelwatch.toml").write_text('[archive]\nfile = "../data/watch.db"\n')
    (folder / "rules.toml").unlink()
    (folder / ".env").chmod(0o640)
    (folder.parent / "data").chmod(0o755)
    result = check(folder, "--json")
    assert result.exit_code == 0
    warnings = told(result)["warnings"]
    assert [one for one in warnings if "toml" in one] == ["channelwatch.toml: channels", "rules.toml: rules"]
    assert ".env: " in warnings
    assert f"{folder / '../data'}: " in warnings


def test_no_config_folder_is_one_problem(tmp_path: Path) -> None:
    result = check(tmp_path / "nowhere", "--json")
    assert (result.exit_code, told(result)["problems"]) == (78, [": "])


def test_no_secret_is_ever_printed(folder: Path) -> None:
    assert "s3cret" not in check(folder).output + check(folder, "--json").output
