"""``channelwatch rules``: the daemon's matcher over a file of posts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from channelwatch.cli import cli

CONFIG = """\
[[channels]]
name = "@baza_news"
alias = "База"
tags = ["news"]
home = ["RU-BEL"]
[[channels]]
name = "-1001234567"
"""

RULES = """\
[[rules]]
name = "border"
query = "region:RU-BEL танк"
severity = "critical"
[[rules]]
name = "news"
query = "tag:news дрон"
[[rules]]
name = "private"
query = "дрон"
channels = ["-1001234567"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "channelwatch.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    return tmp_path


def rules(folder: Path, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["rules", *arguments, "--config", str(folder)], input=stdin)


def line(channel: object, message_id: int, text: str) -> str:
    post = {"channel": channel, "message_id": message_id, "date": "2023-05-22T09:00:00Z", "text": text}
    return json.dumps(post, ensure_ascii=False) + "\n"


def met(result: Result) -> list[tuple[str, object, int]]:
    found = [json.loads(one) for one in result.stdout.splitlines()]
    return [(one["rule"], one["channel"], one["message_id"]) for one in found]


def test_each_match_is_one_object_with_spans_and_places(folder: Path) -> None:
    text = "🔥 Колонна танков вошла в Козинку"
    result = rules(folder, "test", "-", "--json", stdin=line("anyone", 7, text) + line("anyone", 8, "Погода"))
    assert result.exit_code == 0, result.output
    (found,) = [json.loads(one) for one in result.stdout.splitlines()]
    assert (found["rule"], found["channel"], found["message_id"]) == ("border", "anyone", 7)
    assert "танков" in [text[span["start"] : span["end"]] for span in found["spans"]]
    (place,) = found["places"]
    assert (place["region"], text[place["start"] : place["end"]]) == ("RU-BEL", "Козинку")


@pytest.mark.parametrize("channel", ["baza_news", "База", "https://t.me/s/baza_news", "@BAZA_NEWS"])
def test_a_configured_channel_is_known_by_any_of_its_names(folder: Path, channel: str) -> None:
    assert met(rules(folder, "test", "-", "--json", stdin=line(channel, 1, "Дроны над городом"))) == [
        ("news", channel, 1)
    ]


@pytest.mark.parametrize("channel", ["-1001234567", 1234567, "1234567", -1001234567], ids=repr)
def test_a_rule_for_one_channel_asks_that_channel_alone(folder: Path, channel: object) -> None:
    posts = line(channel, 1, "дрон") + line("another", 2, "дрон")
    assert met(rules(folder, "test", "-", "--json", stdin=posts)) == [("private", channel, 1)]


def test_a_bad_line_is_reported_with_its_number_and_the_rest_is_tested(folder: Path) -> None:
    posts = "oops\n\n" + line("baza_news", 2, "дрон") + '{"channel": "x", "text": 5}\n'
    result = rules(folder, "test", "-", "--json", stdin=posts)
    assert result.exit_code == 1
    assert met(result) == [("news", "baza_news", 2)]
    assert "line 1: JSON is malformed" in result.stderr
    assert "line 4: Expected `str`, got `int` - at `$.text`" in result.stderr


def test_one_rule_can_be_tested_alone_and_a_wrong_name_is_answered(folder: Path) -> None:
    posts = line("baza_news", 2, "дрон и танк у Белгорода")
    assert len(met(rules(folder, "test", "-", "--json", stdin=posts))) == 2
    assert [one[0] for one in met(rules(folder, "test", "-", "--json", "--rule", "news", stdin=posts))] == ["news"]
    result = rules(folder, "test", "-", "--rule", "nwes", stdin=posts)
    assert result.exit_code == 2
    assert 'did you mean "news"' in result.stderr


def test_people_read_sentences(folder: Path) -> None:
    result = rules(folder, "test", "-", stdin=line("baza_news", 2, "Дроны\x1b[31m над селом"))
    assert result.stdout == 'news: baza_news/2: "Дроны": Дроны\\x1b[31m над селом\n'
    assert "1 matches in 1 posts." in result.stderr


def test_rules_of_all_files_are_listed(folder: Path) -> None:
    (folder / "rules.d").mkdir()
    (folder / "rules.d" / "bot.toml").write_text('[[rules]]\nname = "more"\nquery = "взрыв"\n', encoding="utf-8")
    listed = json.loads(rules(folder, "list", "--json").stdout)
    assert [(one["name"], one["file"]) for one in listed] == [
        ("border", "rules.toml"),
        ("news", "rules.toml"),
        ("private", "rules.toml"),
        ("more", "rules.d/bot.toml"),
    ]
    assert "взрыв" in rules(folder, "list").stdout
