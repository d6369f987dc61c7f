"""The example in config/ is true."""

import tomllib
from pathlib import Path

from channelwatch.config import read, secrets

FOLDER = Path(__file__).parents[2] / "config"


def test_the_example_loads_without_a_problem() -> None:
    config = read.load(FOLDER)
    assert len(config.channels) >= 6
    assert {"Legion", "Baza", "Governor"} <= {channel.alias for channel in config.channels}
    assert config.rules
    assert secrets.load(FOLDER, {}).api_id is None


def test_what_is_commented_out_in_the_example_would_load_too(tmp_path: Path) -> None:
    for name in ("channelwatch.toml", "rules.toml"):
        lines = []
        for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
            key, equals, _ = line.removeprefix("# ").partition(" = ")
            disabled = line.startswith("# ") and ((equals and key.isidentifier()) or line.startswith("# ["))
            lines.append(line.removeprefix("# ") if disabled else line)
        text = "\n".join(lines)
        assert tomllib.loads(text) != tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
        (tmp_path / name).write_text(text, encoding="utf-8")
    config = read.load(tmp_path)
    assert "desk" in {outlet.name for outlet in config.outlets}
    assert config.health.port is not None
