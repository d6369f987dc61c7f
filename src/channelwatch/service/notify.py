"""Tell systemd how we are doing (`sd_notify`), without a library.

``READY=1`` when the first sweep is done, ``WATCHDOG=1`` while progress is real, ``RELOADING=1`` with
``MONOTONIC_USEC=…`` and then ``READY=1`` around a reload, ``STOPPING=1`` at the end, ``STATUS=…`` for people.
"""

import os
import socket
import time


def notify(*states: str) -> bool:
    """Send states such as ``"READY=1"`` in one datagram; False when no manager listens or it can't be reached.

    Never raises and never waits: a daemon must not stumble over its own supervisor.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)
            line.sendto("\n".join(states).encode(), address)
    except OSError:
        return False
    return True


def reloading() -> bool:
    """Say that a reload begins; ``notify("READY=1")`` ends it. systemd wants the monotonic time with it."""
    return notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
