"""Editing the config file by command."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.config import read
from channelwatch.config.edit import add_channels, remove_channel
from channelwatch.config.model import ChannelConfig
from channelwatch.errors import ConfigError

FILE = """\
# What we watch.
[time]
zone = "UTC"  # times typed and shown

# --- channels ---

# The first one
[[channels]]
name = "@baza_news"  # fast
# max_lag = "5m"

# The second one
[[channels]]
name = "legion_ru"
tags = ["legion"]

# --- the archive ---
[archive]
file = "x.db"
"""


def folder(tmp_path: Path, text: str = FILE) -> Path:
    (tmp_path / "channelwatch.toml").write_text(text, encoding="utf-8")
    return tmp_path


def text(where: Path) -> str:
    return (where / "channelwatch.toml").read_text(encoding="utf-8")


def test_an_added_channel_stands_behind_the_last_one_and_before_what_introduces_the_next_section(
    tmp_path: Path,
) -> None:
    where = folder(tmp_path)
    entry = ChannelConfig(name="t.me/new_one", alias="новый", join=True, max_lag=300.0)
    assert add_channels(where, [entry]) == [entry]
    added = '\n[[channels]]\nname = "t.me/new_one"\nalias = "новый"\njoin = true\nmax_lag = "5m"\n'
    assert text(where) == FILE.replace('tags = ["legion"]\n', 'tags = ["legion"]\n' + added)
    assert read.load(where).channels[-1] == entry


def test_adding_and_removing_again_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    where = folder(tmp_path)
    add_channels(where, [ChannelConfig(name="new_one"), ChannelConfig(name="-1001234567")])
    remove_channel(where, "@new_one")
    assert remove_channel(where, "-1001234567").name == "-1001234567"
    assert text(where) == FILE


def test_a_removed_channel_leaves_the_comments_of_its_neighbours(tmp_path: Path) -> None:
    where = folder(tmp_path)
    assert remove_channel(where, "https://t.me/s/Baza_News/5").name == "@baza_news"
    assert "# The second one\n[[channels]]" in text(where)
    remove_channel(where, "legion_ru")
    assert "# --- the archive ---\n[archive]" in text(where)
    assert "# --- channels ---" in text(where)
    assert read.load(where).channels == ()


def test_a_channel_that_is_there_already_is_not_added_again(tmp_path: Path) -> None:
    where = folder(tmp_path)
    assert add_channels(where, [ChannelConfig(name="t.me/BAZA_news")]) == []
    assert text(where) == FILE


@pytest.mark.parametrize("start", ["", "channels = []\n", 'channels = [{name = "abcde"}]\n', '[archive]\nfile = "x"'])
def test_a_file_of_any_shape_takes_a_channel(tmp_path: Path, start: str) -> None:
    where = folder(tmp_path, start)
    before = len(read.load(where).channels)
    add_channels(where, [ChannelConfig(name="new_one", tags=("a", "b")), ChannelConfig(name="other")])
    assert [channel.name for channel in read.load(where).channels[before:]] == ["new_one", "other"]
    remove_channel(where, "new_one")
    assert [channel.name for channel in read.load(where).channels[before:]] == ["other"]


def test_a_config_that_would_not_load_is_not_written(tmp_path: Path) -> None:
    where = folder(tmp_path)
    with pytest.raises(ConfigError, match="invitation link"):
        add_channels(where, [ChannelConfig(name="t.me/+abcdef")])
    with pytest.raises(ConfigError, match='did you mean "legion_ru"'):
        remove_channel(where, "legoin_ru")
    (where / "rules.toml").write_text('[[rules]]\nname = "r"\nquery = "word"\nchannels = ["legion_ru"]\n')
    with pytest.raises(ConfigError, match="no watched channel"):
        remove_channel(where, "legion_ru")
    assert text(where) == FILE


def test_mode_and_symbolic_link_of_the_file_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "config").mkdir()
    real = tmp_path / "real" / "file.toml"
    real.write_text(FILE, encoding="utf-8")
    real.chmod(0o640)
    link = tmp_path / "config" / "channelwatch.toml"
    link.symlink_to(real)
    add_channels(tmp_path / "config", [ChannelConfig(name="new_one")])
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert "new_one" in real.read_text(encoding="utf-8")
    assert [file.name for file in (tmp_path / "real").iterdir()] == ["file.toml"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans(), st.booleans()), max_size=8), st.booleans())
def test_any_order_of_edits_keeps_every_comment(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool, bool]], bare: bool
) -> None:
    where = folder(tmp_path_factory.mktemp("edit"), "# only a comment\n" if bare else FILE)
    comments = [line for line in text(where).splitlines() if line.startswith("# ") and "max_lag" not in line]
    present = [channel.name for channel in read.load(where).channels]
    for letter, add, tagged in steps:
        name = f"channel_{letter}"
        if add and name not in present:
            add_channels(where, [ChannelConfig(name=name, tags=("x",) if tagged else ())])
            present.append(name)
        elif present:
            gone = present[ord(letter) % len(present)]
            remove_channel(where, gone)
            present.remove(gone)
        assert [channel.name for channel in read.load(where).channels] == present
        assert [
            line for line in text(where).splitlines() if line.startswith("# ") and "max_lag" not in line
        ] == comments


def test_edits_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    where = folder(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: add_channels(where, [ChannelConfig(name=f"channel_{n}")]), range(12)))
    assert {f"channel_{n}" for n in range(12)} < {channel.name for channel in read.load(where).channels}
