import asyncio
import io
import json
import os
import threading

import msgspec
import pytest

from channelwatch.errors import OutletError
from channelwatch.outlets import Message
from channelwatch.outlets.console import Console

FIELDS = {"alert": 3, "rule": "border", "block": "CRITICAL  Козинка\n  │ у села Козинка\n", "marks": [[29, 36]]}
BODY = msgspec.json.encode(FIELDS).decode()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_program_reads_one_json_line_without_what_is_for_people() -> None:
    stream = io.StringIO()
    assert await Console(stream=stream).send(Message(BODY, alert=3, severity="critical")) == "3"
    assert stream.getvalue().endswith("\n")
    assert json.loads(stream.getvalue()) == {"alert": 3, "rule": "border"}


async def test_a_person_at_a_terminal_reads_a_coloured_block() -> None:
    stream = Terminal()
    await Console(stream=stream).send(Message(BODY, alert=3, severity="critical"))
    assert stream.getvalue() == ("\n\x1b[1;31mCRITICAL  Козинка\x1b[0m\n  │ у села \x1b[1mКозинка\x1b[0m\n")


async def test_a_block_for_a_file_has_no_colour() -> None:
    stream = io.StringIO()
    await Console(stream=stream, people=True).send(Message(BODY, alert=3))
    assert stream.getvalue() == "\n" + str(FIELDS["block"])


async def test_a_repeated_alert_says_so_both_ways() -> None:
    for people in (True, False):
        stream = io.StringIO()
        await Console(stream=stream, people=people).send(Message(BODY, alert=3, repeat=True))
        assert ("(may repeat)" in stream.getvalue()) or json.loads(stream.getvalue())["repeat"] is True


async def test_a_console_that_speaks_ascii_shows_question_marks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    await Console(stream=stream, people=True).send(Message(BODY, alert=3))
    assert b"CRITICAL  ???????" in raw.getvalue()


async def test_a_closed_stream_is_a_failed_delivery() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(OutletError) as failure:
        await Console(stream=stream, people=False).send(Message(BODY, alert=3))
    assert not failure.value.permanent


async def test_a_reader_that_stopped_costs_one_thread_and_gets_everything_when_it_goes_on() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        console = Console(stream=stream, people=False)
        before = threading.active_count()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await console.send(Message(json.dumps({"text": "x" * 100_000}), 1))
        for _ in range(3):
            with pytest.raises(OutletError, match="takes nothing") as refused:
                await console.send(Message("{}", 2))
            assert not refused.value.ambiguous
        assert threading.active_count() == before + 1
        while not os.read(reader, 65_536).endswith(b"\n"):
            pass
        while threading.active_count() > before:  # noqa: ASYNC110 -- a thread has no event
            await asyncio.sleep(0.01)
        assert await console.send(Message('{"text": "later"}', 3)) == "3"
        assert os.read(reader, 100) == b'{"text":"later"}\n'
    os.close(reader)
