"""The first config folder: the example, with a person's answers put in."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channelwatch.config import read, secrets
from channelwatch.config.starter import Answers, FirstBot, FirstChannel, FirstRule, files, template

EXAMPLE = Path(__file__).parents[2] / "config"
TOKEN = "123456789:AAEabcdefghijklmnopqrstuvwxyz012345"

FULL = Answers(
    api_id="12345",
    api_hash="0123456789abcdef0123456789abcdef",
    channels=[FirstChannel("@border_news", join=True), FirstChannel("t.me/s/village_chat")],
    home="RU-BEL",
    zone="Europe/Kyiv",
    rule=FirstRule("first", 'region:RU-BEL (обстрел OR "прорыв границы")'),
    bot=FirstBot(-1001234567890, TOKEN),
)


@pytest.mark.parametrize(
    ("packaged", "shown"),
    [("channelwatch.toml", "channelwatch.toml"), ("rules.toml", "rules.toml"), ("env.example", ".env.example")],
)
def test_the_packaged_template_is_the_projects_example(packaged: str, shown: str) -> None:
    assert template(packaged) == (EXAMPLE / shown).read_text(encoding="utf-8")


def write(folder: Path, answers: Answers) -> Path:
    for name, text in files(answers).items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o600)
    return folder


def test_without_answers_it_is_the_example_itself(tmp_path: Path) -> None:
    made = files(Answers())
    assert made["channelwatch.toml"] == template("channelwatch.toml")
    assert made["rules.toml"] == template("rules.toml")
    assert len(read.load(write(tmp_path, Answers())).channels) == 8


def test_every_answer_is_found_again_by_the_reader(tmp_path: Path) -> None:
    config = read.load(write(tmp_path, FULL))
    assert [(channel.name, channel.join, channel.home) for channel in config.channels] == [
        ("@border_news", True, ("RU-BEL",)),
        ("t.me/s/village_chat", False, ("RU-BEL",)),
    ]
    assert config.time.zone == "Europe/Kyiv"
    [rule] = config.rules
    assert (rule.name, rule.query, rule.outlets) == (
        "first",
        'region:RU-BEL (обстрел OR "прорыв границы")',
        ("console", "bot"),
    )
    assert {outlet.name: outlet.chat for outlet in config.outlets}["bot"] == -1001234567890
    kept = secrets.load(tmp_path, {})
    assert kept.api_id == 12345
    assert kept.api_hash is not None
    assert kept.api_hash.reveal() == "0123456789abcdef0123456789abcdef"
    assert kept.bot_token is not None
    assert kept.bot_token.reveal() == TOKEN


def test_comments_and_the_examples_rules_stay_readable(tmp_path: Path) -> None:
    made = files(FULL)
    assert "# The one file that keeps every post." in made["channelwatch.toml"]
    assert "# join = false reads a public channel without joining it" in made["channelwatch.toml"]
    assert "# More rules, from the example:" in made["rules.toml"]
    assert '# name = "border-villages"' in made["rules.toml"]
    assert "@legionoffreedom" not in made["channelwatch.toml"]
    assert "Copy to .env" not in made[".env"]


def test_own_channels_without_a_rule_leave_no_rule_that_names_others(tmp_path: Path) -> None:
    config = read.load(write(tmp_path, Answers(channels=[FirstChannel("@border_news")])))
    assert config.rules == ()
    assert config.channels[0].home == ()


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    query=st.text(st.characters(exclude_categories=["Cs"])),
)
@example(name="a\x7fb", query='"\\')
def test_whatever_is_typed_stays_one_string(name: str, query: str) -> None:
    [rule] = tomllib.loads(files(Answers(rule=FirstRule(name, query)))["rules.toml"])["rules"]
    assert rule == {"name": name, "query": query}
