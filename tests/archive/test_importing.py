"""Importing JSON lines: good lines are kept, bad ones named, nothing doubled."""

import json

import pytest

from channelwatch.archive.importing import BadLine, Imported, import_lines
from channelwatch.archive.writer import Writer

from .conftest import NOW


def line(**more: object) -> str:
    values = {"channel": "warmonitor", "message_id": 5, "date": "2023-05-22T09:15:00+03:00", "text": "тревога"}
    return json.dumps(values | more)


def test_a_line_becomes_a_post(writer: Writer) -> None:
    full = line(views=3, forwards=1, edited="2023-05-22T10:00:00", url="https://t.me/warmonitor/5", extra={"a": 1})
    assert writer.run_sync(import_lines, [full], 1, NOW) == Imported(1, 0, 0, ())
    assert writer.run_sync(
        lambda c: c.execute(
            "SELECT channel, p.date, p.text, p.views, p.forwards, p.edited, url, came "
            "FROM readable_posts p JOIN posts USING (id)"
        ).fetchall()
    ) == [
        (
            "warmonitor",
            "2023-05-22T06:15:00Z",
            "тревога",
            3,
            1,
            "2023-05-22T10:00:00Z",
            "https://t.me/warmonitor/5",
            "import",
        )
    ]


def test_importing_twice_doubles_nothing(writer: Writer) -> None:
    lines = [line(message_id=i) for i in range(1, 20)]
    assert writer.run_sync(import_lines, lines, 1, NOW) == Imported(19, 0, 0, ())
    assert writer.run_sync(import_lines, [*lines, line(message_id=20)], 1, NOW) == Imported(1, 0, 19, ())


def test_empty_lines_and_a_windows_end_are_no_trouble(writer: Writer) -> None:
    assert writer.run_sync(import_lines, ["", "  \r\n", line() + "\r\n"], 1, NOW) == Imported(1, 0, 0, ())


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{", "truncated"),
        ("[1]", "Expected object, got array"),
        (line(message_id=None), "Expected int, got null at message_id"),
        (line(message_id=0), "message_id"),
        (line(message_id=2**40), "message_id"),
        (line(message_id=True), "Expected int, got bool"),
        (line(text=None), "Expected str, got null at text"),
        (line(date="yesterday"), "date is not an ISO 8601 time: 'yesterday'"),
        (line(date="1970-01-01"), "date is before Telegram began"),
        (line(date="2203-01-01"), "date lies in the future"),
        (line(edited="soon"), "edited is not an ISO 8601 time"),
        (line(channel=" "), "channel is empty"),
        (line(views=-1), "views"),
        (line(views=2**70), "views"),
        ('{"channel": "a", "message_id": 1, "date": "2023-01-01", "text": "\\ud83d"}', ""),
        ('{"message_id": 1, "date": "2023-01-01", "text": "x"}', "missing required field channel"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_kept(writer: Writer, bad: str, problem: str) -> None:
    done = writer.run_sync(import_lines, [line(message_id=1), bad, line(message_id=3)], 41, NOW)
    assert done.new == 2
    (found,) = done.bad
    assert isinstance(found, BadLine)
    assert found.number == 42
    assert problem in found.problem


def test_a_channels_label_may_be_anything(writer: Writer) -> None:
    lines = [line(channel=label) for label in ("4ch", "Канал с пробелом", "@Legion", "-1001002", -1001002, 77)]
    done = writer.run_sync(import_lines, lines, 1, NOW)
    assert (done.new, done.known, done.bad) == (5, 1, ())
    again = writer.run_sync(import_lines, lines, 1, NOW)
    assert (again.new, again.known, again.bad) == (0, 6, ())
    assert {
        row[0] for row in writer.run_sync(lambda c: c.execute("SELECT DISTINCT channel FROM readable_posts").fetchall())
    } == {
        "4ch",
        "Канал с пробелом",
        "legion",
        "baza",
        "77",
    }
