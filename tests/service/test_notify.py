"""Talking to systemd, over real datagram sockets."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from channelwatch.service.notify import notify, reloading

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    before = {name: os.environ.pop(name, None) for name in VARIABLES}
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def listen(address: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    line.bind(address)
    line.settimeout(5)
    return line


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_states_arrive_in_one_datagram(tmp_path: Path, kind: str) -> None:
    address = str(tmp_path / "notify") if kind == "path" else f"\0channelwatch-test-{os.getpid()}"
    with listen(address) as manager:
        os.environ["NOTIFY_SOCKET"] = address.replace("\0", "@")
        assert notify("READY=1", "STATUS=30 channels, все") is True
        assert manager.recv(4096).decode() == "READY=1\nSTATUS=30 channels, все"


def test_a_reload_carries_the_monotonic_time(tmp_path: Path) -> None:
    with listen(str(tmp_path / "notify")) as manager:
        os.environ["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        assert reloading()
        first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")
    assert int(second.partition("=")[2]) > 0


def test_without_systemd_nothing_happens() -> None:
    assert notify("READY=1") is False
    os.environ["NOTIFY_SOCKET"] = "vsock:2:1234"
    assert notify("READY=1") is False


def test_a_manager_that_has_gone_or_is_full_does_not_stop_us(tmp_path: Path) -> None:
    os.environ["NOTIFY_SOCKET"] = str(tmp_path / "nobody")
    assert notify("WATCHDOG=1") is False
    os.environ["NOTIFY_SOCKET"] = str(tmp_path / "busy")
    with listen(str(tmp_path / "busy")):
        while notify("STATUS=" + "x" * 1000):
            pass  # nobody reads: the queue fills, and then we are told False at once
