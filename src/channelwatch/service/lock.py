"""One channelwatch per data folder: whoever holds the lock writes the archive and uses the key."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from channelwatch.errors import InstanceRunning, WatchError

LOCK_NAME = "lock"


class InstanceLock:
    """An exclusive ``flock`` on the data folder, freed by the kernel however the process ends.

    Makes the folder (0700) when it is not there. Raises InstanceRunning when another process holds it, and
    WatchError when the file system gives locks to everybody (some network mounts do).
    """

    def __init__(self, folder: Path) -> None:
        """Name the data folder; nothing is taken yet."""
        self.folder = folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock now or raise."""
        path = self.folder / LOCK_NAME
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WatchError(
                f"the data folder {self.folder} can't be written: {error.strerror}",
                remedy="name another with [archive] file or --archive, or make it yours",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = path.read_text().strip() or "unknown"
            os.close(file)
            raise InstanceRunning(
                f"another channelwatch (process {holder}) holds {self.folder}",
                remedy="stop it first (kill the process, or systemctl stop channelwatch)",
            ) from error
        if not _excludes(path):
            os.close(file)
            raise WatchError(
                f"{self.folder} lies on a file system without working locks",
                remedy="keep the archive on a local disk",
            )
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file

    def release(self) -> None:
        """Let it go; harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        """Take the lock."""
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it go."""
        self.release()


def _excludes(path: Path) -> bool:
    """Tell whether a second open of the same file is refused, as it must be."""
    second = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(second)
