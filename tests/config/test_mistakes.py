"""One tiny file per mistake, with the message it gets."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from channelwatch.config import read
from channelwatch.errors import ConfigError

MISTAKES = tomllib.loads((Path(__file__).parent / "mistakes.toml").read_text(encoding="utf-8"))["mistake"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake["of"] for mistake in MISTAKES])
def test_a_mistake_is_answered_with_its_place_and_a_remedy(mistake: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "channelwatch.toml").touch()
    (tmp_path / mistake.get("file", "channelwatch.toml")).write_text(mistake["text"], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read.load(tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(mistake["says"]), lines
    for line, says in zip(lines, mistake["says"], strict=True):
        if says.startswith("~"):
            assert re.match(says[1:], line), line
        else:
            assert line == says
