"""Shared fixtures: nothing leaves the machine."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse any connection that is not loopback, whoever makes it."""
    real = socket.socket.connect
    real_ex = socket.socket.connect_ex

    def check(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address!r}")

    def connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        real(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return real_ex(self, address)

    socket.socket.connect, socket.socket.connect_ex = connect, connect_ex  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect, socket.socket.connect_ex = real, real_ex  # type: ignore[method-assign]
