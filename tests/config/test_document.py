"""One TOML file, or a problem with the line."""

from pathlib import Path

import pytest

from channelwatch.config import document
from channelwatch.config.spot import Spot
from channelwatch.errors import Problem


def said(text: str) -> Problem:
    """Parse a text that must not parse and return what is said of it."""
    problems: list[Problem] = []
    assert document.parse(text, Spot(problems, "a.toml")) is None
    (problem,) = problems
    return problem


def test_a_syntax_error_shows_its_line_with_a_caret() -> None:
    problem = said('[time]\nzone = "UTC\nx = 1\n')
    assert problem.path.startswith("line 2, column ")
    line, caret = problem.detail.split("\n")
    assert line == 'zone = "UTC'
    assert caret.strip() == "^"


def test_an_error_at_the_end_is_shown_at_the_end() -> None:
    assert said("a = [1,\n2").path == "line 2, column 2"


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 20_000, "a = " + "9" * 5_000, "a = 2023-13-45", "\0", "a = 1\na = 2"], ids=range(5)
)
def test_nothing_that_a_file_may_hold_gets_past_as_another_error(text: str) -> None:
    assert "\n" not in str(said(text))


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert document.text_of(tmp_path, Spot(problems, "folder.toml")) is None
    assert document.text_of(tmp_path / "nowhere", Spot(problems, "nowhere.toml")) is None
    (tmp_path / "large").write_bytes(b"#" * (16 * 1024 * 1024 + 1))
    assert document.text_of(tmp_path / "large", Spot(problems, "large.toml")) is None
    assert [str(problem).split(" — ")[0] for problem in problems] == [
        "folder.toml: can't be read: Is a directory",
        "nowhere.toml: can't be read: No such file or directory",
        "large.toml: is larger than 16 MB",
    ]
