"""One channelwatch per data folder."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from channelwatch.errors import InstanceRunning
from channelwatch.service.lock import InstanceLock

HOLD = """
import sys, time
from pathlib import Path
from channelwatch.service.lock import InstanceLock
with InstanceLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InstanceRunning, match=str(holder.pid)), InstanceLock(tmp_path):
            pass
        holder.kill()


def test_a_killed_holder_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with InstanceLock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_it_makes_the_data_folder_private(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data" / "lock").stat().st_mode) == 0o600


def test_it_can_be_taken_again_after_release(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path)
    lock.acquire()
    lock.release()
    lock.release()
    with InstanceLock(tmp_path) as again:
        assert again.folder == tmp_path
