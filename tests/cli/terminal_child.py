"""A child process on a pseudo-terminal, typed at and read like a person does."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from pathlib import Path
from types import TracebackType
from typing import Self

CHANNELWATCH = str(Path(sys.executable).with_name("channelwatch"))


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which nothing of the developer's own is seen."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    return kept | {"HOME": str(home), "PYTHONUTF8": "1", "TERM": "xterm"} | more


class TerminalChild:
    """``async with TerminalChild(home, "login") as child: await child.expect("Code"); child.type("12345")``."""

    def __init__(self, home: Path, *arguments: str, **environ: str) -> None:
        self.arguments = arguments
        self.environ = environment(home, **environ)
        self.screen = ""
        """Everything that was printed so far."""
        self._seen = 0
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self._process = await asyncio.create_subprocess_exec(
            CHANNELWATCH,
            *self.arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=self.environ,
            preexec_fn=_own_terminal,
        )
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        os.close(self._master)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the child has closed its end
            asyncio.get_running_loop().remove_reader(self._master)
            data = b""
        self.screen += data.decode(errors="replace").replace("\r\n", "\n")
        self._came.set()

    async def expect(self, text: str, seconds: float = 20) -> None:
        """Wait until `text` is printed after what was expected before."""
        try:
            async with asyncio.timeout(seconds):
                while (found := self.screen.find(text, self._seen)) < 0:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} did not come; the screen:\n{self.screen}") from None
        self._seen = found + len(text)

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        os.write(self._master, line.encode() + b"\n")

    def press(self, key: bytes) -> None:
        """Press a key, for example Ctrl-C (``b"\\x03"``)."""
        os.write(self._master, key)

    def echoes(self) -> bool:
        """Tell whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    async def ends(self, seconds: float = 20) -> int:
        """Return the exit code."""
        async with asyncio.timeout(seconds):
            code = await self._process.wait()
        await asyncio.sleep(0)  # what was printed last
        self._read_rest()
        return code

    def _read_rest(self) -> None:
        os.set_blocking(self._master, False)
        try:
            while data := os.read(self._master, 65536):
                self.screen += data.decode(errors="replace").replace("\r\n", "\n")
        except OSError:
            pass


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
