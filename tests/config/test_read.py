"""A whole config folder, read and checked."""

import random
from pathlib import Path

import pytest

from channelwatch.config import read
from channelwatch.config.model import ChannelConfig, Config, OutletConfig, RuleConfig
from channelwatch.errors import ConfigError, Problem

MAIN = """\
[archive]
file = "data/archive.db"
[telegram]
pace = 2
[alerts]
max_age = "12h"
[backfill]
age = 0
[time]
zone = "Europe/Kyiv"
[health]
port = 0
[outlets.desk]
kind = "telegram"
chat = "-100987"
token = "DESK_TOKEN"
[[channels]]
name = "@baza_news"
alias = "База"
home = ["RU-BEL"]
join = true
backfill = "90s"
tags = ["first", "second"]
priority = "high"
max_lag = "1.5m"
"""

RULES = """\
[[rules]]
name = "border"
query = "Козинка OR Грайворон"
severity = "critical"
outlets = ["desk", "console"]
channels = ["база", "t.me/baza_news"]
max_age = "1d"
"""


def folder(where: Path, **files: str) -> Path:
    for name, text in {"channelwatch": MAIN, "rules": RULES, **files}.items():
        file = where / f"{name.replace('__', '/')}.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return where


def problems_of(where: Path, texts: dict[str, str]) -> list[Problem]:
    try:
        read.load(where, instead=texts)
    except ConfigError as error:
        return error.problems
    return []


def test_every_key_arrives_where_the_model_has_it(tmp_path: Path) -> None:
    config = read.load(folder(tmp_path))
    assert config.archive.file == tmp_path / "data" / "archive.db"
    assert (config.telegram.pace, config.alerts.max_age, config.backfill.age) == (2.0, 43200.0, 0.0)
    assert (config.time.zone, config.health.port) == ("Europe/Kyiv", 0)
    assert config.outlets == (
        OutletConfig(name="console", kind="console"),
        OutletConfig(name="desk", kind="telegram", chat=-100987, token="DESK_TOKEN"),
    )
    assert config.channels == (
        ChannelConfig(
            name="@baza_news",
            alias="База",
            home=("RU-BEL",),
            join=True,
            backfill=90.0,
            tags=("first", "second"),
            priority="high",
            max_lag=90.0,
        ),
    )
    assert config.rules == (
        RuleConfig(
            name="border",
            query="Козинка OR Грайворон",
            severity="critical",
            outlets=("desk", "console"),
            channels=("база", "t.me/baza_news"),
            max_age=86400.0,
        ),
    )


def test_an_empty_file_is_a_config_of_defaults(tmp_path: Path) -> None:
    (tmp_path / "channelwatch.toml").touch()
    assert read.load(tmp_path) == Config(folder=tmp_path, outlets=(OutletConfig(name="console", kind="console"),))


def test_rules_of_the_folder_are_merged_in_the_order_of_its_files(tmp_path: Path) -> None:
    more = '[[rules]]\nname = "{}"\nquery = "дрон"\n'
    where = folder(tmp_path, rules__b=more.format("x"))
    (where / "rules.d").mkdir()
    (where / "rules.d" / "20.toml").write_text(more.format("later"))
    (where / "rules.d" / "10.toml").write_text(more.format("sooner"))
    (where / "rules.d" / "notes.txt").write_text("not read")
    rules = read.load(where).rules
    assert [(rule.name, rule.file) for rule in rules] == [
        ("border", "rules.toml"),
        ("sooner", "rules.d/10.toml"),
        ("later", "rules.d/20.toml"),
    ]


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    where = folder(tmp_path, channelwatch="[time]\nzone = 5\n[oops]\n", rules="[[rules]]\nname = 'a'\n")
    (where / "rules.d").mkdir()
    (where / "rules.d" / "a.toml").write_text("not toml")
    with pytest.raises(ConfigError) as caught:
        read.load(where)
    assert [(problem.file, problem.path) for problem in caught.value.problems] == [
        ("channelwatch.toml", "oops"),
        ("channelwatch.toml", "time.zone"),
        ("rules.toml", 'rules["a"].query'),
        ("rules.d/a.toml", "line 1, column 5"),
    ]


def test_rules_are_not_blamed_for_a_main_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read.load(folder(tmp_path, channelwatch="[[channels\n"))
    assert len(caught.value.problems) == 1


def test_a_query_that_does_not_parse_shows_the_spot(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read.load(folder(tmp_path, rules='[[rules]]\nname = "a"\nquery = "дрон (взрыв"\n'))
    (problem,) = caught.value.problems
    assert "\n" not in str(problem)
    query, carets = problem.detail.split("\n")
    assert query == "дрон (взрыв"
    assert carets.strip("^ ") == ""
    assert "^" in carets


def test_a_file_may_begin_with_a_byte_order_mark_but_must_be_utf_8(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "channelwatch.toml").write_bytes(b"\xef\xbb\xbf" + MAIN.encode())
    assert read.load(where).time.zone == "Europe/Kyiv"
    (where / "rules.toml").write_bytes(RULES.encode("cp1251"))
    with pytest.raises(ConfigError, match=r"rules\.toml: line 3: is not UTF-8 text — save the file as UTF-8"):
        read.load(where)


def test_an_edit_can_be_checked_before_it_is_written(tmp_path: Path) -> None:
    where = folder(tmp_path)
    assert read.load(where, instead={"channelwatch.toml": MAIN.replace("Kyiv", "Paris")}).time.zone == "Europe/Paris"
    with pytest.raises(ConfigError):
        read.load(where, instead={"rules.toml": "oops"})
    assert read.load(where).time.zone == "Europe/Kyiv"


def test_archive_and_zone_are_read_without_the_rest(tmp_path: Path) -> None:
    where = folder(tmp_path, rules="this is broken, and not looked at")
    assert read.archive_path(where, {}) == tmp_path / "data" / "archive.db"
    assert read.zone(where) == "Europe/Kyiv"
    (where / "channelwatch.toml").touch()
    (where / "channelwatch.toml").write_text("")
    assert read.archive_path(where, {"STATE_DIRECTORY": "/var/lib/cw:/other"}) == Path("/var/lib/cw/channelwatch.db")
    (where / "channelwatch.toml").write_text("[archive]\nfile = 5\n")
    with pytest.raises(ConfigError, match=r"archive\.file"):
        read.archive_path(where, {})


def test_a_broken_folder_never_raises_anything_but_a_config_error(tmp_path: Path) -> None:
    """Break both files in 200 ways: by characters, by lines, by values of another kind."""
    chance = random.Random(20230522)
    values = [
        "true",
        "5",
        "-1",
        "1e400",
        "nan",
        '""',
        '"x"',
        "[]",
        "{}",
        "[[1]]",
        "2023-05-22",
        '"\\u0000"',
        "9" * 30,
        "'''a\nb'''",
    ]
    signs = '[]{}"=.,#\n\\()-: \0é\ufeff'
    where = folder(tmp_path)
    wrong = 0
    for _ in range(200):
        texts = {}
        for name, good in (("channelwatch.toml", MAIN), ("rules.toml", RULES)):
            lines = good.split("\n")
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(lines))
                match chance.randrange(4):
                    case 0:
                        del lines[at]
                    case 1:
                        lines.insert(at, chance.choice(lines))
                    case 2:
                        lines[at] = f"{lines[at].split('=')[0]} = {chance.choice(values)}"
                    case _:
                        spot = chance.randint(0, len(lines[at]))
                        lines[at] = lines[at][:spot] + chance.choice(signs) + lines[at][spot + 1 :]
                lines = lines or [""]
            texts[name] = "\n".join(lines)
        problems = problems_of(where, texts)
        wrong += bool(problems)
        assert all("\n" not in str(problem) for problem in problems)
        assert all(problem.file for problem in problems)
    assert wrong > 150


def test_problems_of_one_rule_stand_together(tmp_path: Path) -> None:
    rule = '[[rules]]\nname = "{}"\nquery = "("\nseverity = "x"\n'
    with pytest.raises(ConfigError) as caught:
        read.load(folder(tmp_path, channelwatch="[time]\nzone = 'x/y'", rules=rule.format("a") + rule.format("b")))
    assert [(problem.file, problem.path) for problem in caught.value.problems] == [
        ("channelwatch.toml", "time.zone"),
        ("rules.toml", 'rules["a"].severity'),
        ("rules.toml", 'rules["a"].query'),
        ("rules.toml", 'rules["b"].severity'),
        ("rules.toml", 'rules["b"].query'),
    ]
