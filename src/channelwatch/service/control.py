"""The daemon's socket: how a command asks the running daemon to write.

``control.sock`` (0600) in the data folder; one JSON object a line asks, one JSON object a line answers:
``{"do": "reload"}`` → ``{"ok": true, ...}`` or ``{"ok": false, "error": "…", "exit_code": 78}``. An answer may be
preceded by any number of ``{"progress": "…"}`` lines.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from channelwatch.errors import LineDown, WatchError

SOCKET_NAME = "control.sock"
MOST_BYTES = 64 * 1024 * 1024
"""The longest request line; an import sends its lines in batches below it."""

Answer = dict[str, Any]
Progress = Callable[[str], None]
Handler = Callable[[dict[str, Any], Progress], Awaitable[Answer]]

log = structlog.get_logger(__name__)


class ControlServer:
    """Answers requests on the data folder's socket with named handlers."""

    def __init__(self, folder: Path, handlers: dict[str, Handler]) -> None:
        """`handlers` maps the value of ``do`` to what does it."""
        self.path = folder / SOCKET_NAME
        self.handlers = handlers
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a socket left behind by a killed daemon is replaced (the caller holds the instance lock)."""
        self.path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            with _short_path(self.path) as name:
                self._server = await asyncio.start_unix_server(self._serve, name, limit=MOST_BYTES)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Stop listening and take the socket away."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def send(answer: Answer) -> None:
            writer.write(json.dumps(answer, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n")

        try:
            while line := await reader.readline():
                send(await self._answer(line, lambda text: send({"progress": text})))
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass  # the asker left, or sent a line over the limit
        finally:
            writer.close()

    async def _answer(self, line: bytes, progress: Progress) -> Answer:
        try:
            request = json.loads(line)
            handler = self.handlers[request["do"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return {"ok": False, "error": "the daemon does not know this request", "exit_code": 2}
        try:
            return {"ok": True, **(await handler(request, progress))}
        except WatchError as error:
            return {"ok": False, "error": str(error), "exit_code": error.exit_code}
        except Exception:
            log.exception("a request over the socket failed", do=request["do"])
            return {"ok": False, "error": "the daemon failed; its log says why", "exit_code": 70}


class Refused(WatchError):
    """The daemon answered no; `exit_code` is the one it gave."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Keep its words and its exit code."""
        super().__init__(message)
        self.exit_code = exit_code


def ask(folder: Path, request: Answer, *, progress: Progress | None = None, timeout: float = 60.0) -> Answer | None:
    """Ask the daemon that holds this data folder and return its answer; None when no daemon runs there.

    `timeout` is in seconds, for each line of its answer. Raises Refused when it says no, LineDown when it does
    not answer.
    """
    path = folder / SOCKET_NAME
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout)
        try:
            with _short_path(path) as name:
                line.connect(name)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return None
        try:
            line.sendall(json.dumps(request, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n")
            with line.makefile("rb") as answers:
                for raw in answers:
                    answer: Answer = json.loads(raw)
                    if "progress" in answer:
                        if progress is not None:
                            progress(answer["progress"])
                        continue
                    if not answer.get("ok"):
                        raise Refused(answer["error"], answer.get("exit_code", 70))
                    return answer
        except (TimeoutError, ConnectionError) as error:
            raise LineDown("the daemon does not answer", remedy="see its log, or restart it") from error
    raise LineDown("the daemon closed the line without an answer", remedy="see its log")


@contextlib.contextmanager
def _short_path(path: Path) -> Any:
    """Give a name for the socket that fits the kernel's 107 bytes, however deep the folder lies."""
    if len(os.fsencode(path)) <= 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
