"""Where the folders are."""

from pathlib import Path

import pytest

from channelwatch.config import paths
from channelwatch.errors import ConfigError


def config_in(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "channelwatch.toml").touch()
    return folder


def test_a_named_folder_is_taken_or_refused(tmp_path: Path) -> None:
    assert paths.find_folder(str(config_in(tmp_path / "here")), {}) == tmp_path / "here"
    with pytest.raises(ConfigError, match=r"no channelwatch\.toml in .*/nowhere — run `channelwatch init`"):
        paths.find_folder(tmp_path / "nowhere", {})


def test_the_usual_places_are_looked_at_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    environ = {"CONFIGURATION_DIRECTORY": str(tmp_path / "etc")}
    (tmp_path / "config").mkdir()  # some other project's
    with pytest.raises(ConfigError, match=r"/config, .*/etc, .*xdg/channelwatch"):
        paths.find_folder(None, environ)
    user = config_in(tmp_path / "xdg" / "channelwatch")
    assert paths.find_folder(None, environ) == user
    system = config_in(tmp_path / "etc")
    assert paths.find_folder(None, environ) == system
    here = config_in(tmp_path / "config")
    assert paths.find_folder(None, environ) == here


def test_the_data_folder_is_systemds_or_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert paths.data_folder({}) == tmp_path / "channelwatch"
    assert paths.data_folder({"STATE_DIRECTORY": "/var/lib/channelwatch"}) == Path("/var/lib/channelwatch")


def test_a_relative_path_lies_beside_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert paths.beside(tmp_path, Path("a/b.db")) == tmp_path / "a" / "b.db"
    assert paths.beside(tmp_path, Path("/srv/b.db")) == Path("/srv/b.db")
    assert paths.beside(tmp_path, Path("~/b.db")) == Path("/home/someone/b.db")
