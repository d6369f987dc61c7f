"""The daemon's socket."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from channelwatch.errors import LineDown, QueryError
from channelwatch.service.control import Answer, ControlServer, Progress, Refused, ask


async def echo(request: dict[str, Any], progress: Progress) -> Answer:
    progress("half way")
    return {"said": request["say"]}


async def refuse(request: dict[str, Any], progress: Progress) -> Answer:
    raise QueryError("that is no query", query="(", start=0, end=1)


async def fail(request: dict[str, Any], progress: Progress) -> Answer:
    raise RuntimeError("internal detail")


async def served(folder: Path, request: Answer, **more: Any) -> Answer | None:
    server = ControlServer(folder, {"echo": echo, "refuse": refuse, "fail": fail})
    await server.start()
    try:
        return await asyncio.to_thread(ask, folder, request, **more)
    finally:
        await server.stop()


async def test_a_request_is_answered_with_its_progress(tmp_path: Path) -> None:
    seen: list[str] = []
    assert await served(tmp_path, {"do": "echo", "say": "ё"}, progress=seen.append) == {"ok": True, "said": "ё"}
    assert seen == ["half way"]


async def test_a_refusal_carries_words_and_exit_code(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="that is no query") as refused:
        await served(tmp_path, {"do": "refuse"})
    assert refused.value.exit_code == 78


async def test_a_failure_inside_the_daemon_tells_no_detail(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        await served(tmp_path, {"do": "fail"})
    assert "internal detail" not in str(refused.value)
    assert refused.value.exit_code == 70


async def test_an_unknown_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not know"):
        await served(tmp_path, {"do": "dance"})


async def test_what_is_no_request_is_refused_and_the_next_one_answered(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, {"echo": echo})
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(server.path))
    for line in (b"[]", b"null", b'{"do": ["echo"]}', b"\xff\xfe", b"[" * 200_000):
        writer.write(line + b"\n")
        assert b"does not know" in await reader.readline()
    writer.close()
    await server.stop()


async def test_half_a_character_travels_both_ways(tmp_path: Path) -> None:
    answer = await served(tmp_path, {"do": "echo", "say": "\udcff"})
    assert answer == {"ok": True, "said": "\udcff"}


def test_where_no_daemon_runs_the_answer_is_none(tmp_path: Path) -> None:
    assert ask(tmp_path, {"do": "echo"}) is None


def test_a_socket_left_by_a_killed_daemon_counts_as_none(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    assert ask(tmp_path, {"do": "echo"}) is None


async def test_a_daemon_that_never_answers_is_reported(tmp_path: Path) -> None:
    async def hang(request: dict[str, Any], progress: Progress) -> Answer:
        await asyncio.sleep(5)
        return {}

    server = ControlServer(tmp_path, {"hang": hang})
    await server.start()
    with pytest.raises(LineDown):
        await asyncio.to_thread(ask, tmp_path, {"do": "hang"}, timeout=0.2)
    await server.stop()


async def test_the_socket_is_private_and_goes_away(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, {})
    await server.start()
    assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600
    await server.stop()
    assert not (tmp_path / "control.sock").exists()


async def test_a_deep_data_folder_still_fits(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    assert await served(deep, {"do": "echo", "say": 1}) == {"ok": True, "said": 1}
