"""The systemd unit, as text. Pure: where things lie comes in.

Checked against systemd 252 (Debian 12): hence ``Type=notify`` with an ExecReload of its own, not ``notify-reload``.
"""

from pathlib import Path

NAME = "channelwatch.service"
STATE_ROOT = Path("/var/lib")

WATCHDOG = 300
"""Seconds without a sign of progress after which systemd restarts the daemon."""


def system_unit(command: list[str], config: Path, archive: Path, user: str) -> str:
    """Return a hardened system unit that runs as `user`; `command` is how channelwatch is started here.

    Only the data folder can be written. Under ``/var/lib`` systemd makes it (StateDirectory); elsewhere it must be
    there already.
    """
    data = archive.parent
    if data.is_relative_to(STATE_ROOT) and data != STATE_ROOT:
        storage = [f"StateDirectory={_words(data.relative_to(STATE_ROOT))}", "StateDirectoryMode=0700"]
    else:
        storage = [f"ReadWritePaths={_words(data)}"]
    home = any(_under_home(path) for path in (data, config, Path(command[0])))
    return _unit(
        command,
        config,
        archive,
        more=[
            f"User={user}",
            *storage,
            f"ProtectHome={'read-only' if home else 'yes'}",
            "ProtectSystem=strict",
            "PrivateTmp=yes",
            "PrivateDevices=yes",
            "ProtectClock=yes",
            "ProtectControlGroups=yes",
            "ProtectHostname=yes",
            "ProtectKernelLogs=yes",
            "ProtectKernelModules=yes",
            "ProtectKernelTunables=yes",
            "ProtectProc=invisible",
            "ProcSubset=pid",
            "RestrictNamespaces=yes",
            "CapabilityBoundingSet=",
            "AmbientCapabilities=",
            "RemoveIPC=yes",
        ],
        target="multi-user.target",
        order=["Wants=network-online.target", "After=network-online.target time-sync.target"],
    )


def user_unit(command: list[str], config: Path, archive: Path) -> str:
    """Return a unit for ``systemctl --user``: what needs no privilege of the hardening, the rest is the user's own."""
    return _unit(command, config, archive, more=[], target="default.target", order=[])


def _unit(command: list[str], config: Path, archive: Path, *, more: list[str], target: str, order: list[str]) -> str:
    start = _words(*command, "--config", config, "--archive", archive, "run")
    lines = [
        "# Written by `channelwatch service install`; run it again after moving channelwatch, its config or data.",
        "[Unit]",
        "Description=channelwatch: watches Telegram channels and raises alerts",
        *order,
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={start}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=always",
        "RestartSec=5",
        "# 77: Telegram wants a new login; 78: the configuration is bad. A restart would heal neither.",
        "RestartPreventExitStatus=77 78",
        "TimeoutStartSec=300",
        "TimeoutStopSec=30",
        f"WatchdogSec={WATCHDOG}",
        "Environment=PYTHONUNBUFFERED=1",
        "",
        "UMask=0077",
        "LimitCORE=0",
        "MemoryMax=1G",
        "NoNewPrivileges=yes",
        "LockPersonality=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged",
        "SystemCallErrorNumber=EPERM",
        *more,
        "",
        "[Install]",
        f"WantedBy={target}",
        "",
    ]
    return "\n".join(lines)


def _under_home(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in ("/home", "/root", "/run/user"))


def _words(*words: object) -> str:
    """Quote words for a unit file: ``%`` and ``$`` would be expanded, blanks would part them."""
    quoted = []
    for word in map(str, words):
        plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
        quoted.append(f'"{plain}"' if any(letter in plain for letter in " \t;'\"") else plain)
    return " ".join(quoted)
