"""Which MTProto server we talk to, and how Telethon is set up to talk to it.

Telegram's own servers need no setting. Another one (self-hosted, or the simulator) is named by
``[telegram] dc_id, dc_host, dc_port`` and ``rsa_key_file``, the public key that its handshake is signed with.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from channelwatch import __version__
from channelwatch.config.model import Secrets, TelegramConfig
from channelwatch.errors import ConfigError, Problem

if TYPE_CHECKING:
    from telethon import TelegramClient
    from telethon.sessions import MemorySession

CONNECT_TIMEOUT = 15
"""Seconds that one TCP connect may take."""

CLIENT_SETTINGS: dict[str, Any] = {
    # We own all waiting and retrying (supervisor, pacing), so Telethon must neither sleep nor hide a cause.
    "flood_sleep_threshold": 0,
    "raise_last_call_error": True,
    "request_retries": 1,
    "connection_retries": 3,
    # The ledger catches up; Telethon's own catch-up would lose posts unseen.
    "catch_up": False,
    "sequential_updates": True,
    "timeout": CONNECT_TIMEOUT,
    "device_model": "channelwatch",
    "app_version": __version__,
}


def open_client(
    session: "MemorySession", config: TelegramConfig, secrets: Secrets, **settings: Any
) -> "TelegramClient":
    """Build a Telethon client (not connected) for the configured server; `settings` override ours.

    Trusts the configured RSA key as a side effect. Raises ConfigError when API_ID or API_HASH is missing, or
    the RSA key file can't be used.
    """
    from telethon import TelegramClient

    api_id, api_hash = api_pair(secrets)
    if config.rsa_key_file is not None:
        trust(config.rsa_key_file)
    # Telethon forgets the session's server when its address family is not the one it was told to use.
    settings.setdefault("use_ipv6", ":" in (session.server_address or ""))
    TelegramClient._config = None  # Telethon keeps the list of data centres for the process, whatever server we ask
    return TelegramClient(session, api_id, api_hash, **(CLIENT_SETTINGS | settings))


async def close_client(client: "TelegramClient", deadline: float = 5.0) -> None:
    """Disconnect a client, whatever state it is in, within `deadline` seconds and without raising."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(deadline):
            await client.disconnect()
    # Telethon keeps the error that ended a connection in a future; asyncio complains when nobody looks at it.
    ended = client._sender._disconnected
    if ended.done() and not ended.cancelled():
        ended.exception()


def fresh_session(config: TelegramConfig) -> "MemorySession":
    """Return an in-memory session without a key, pointed at the configured server (else at Telegram's own)."""
    from telethon.sessions import MemorySession

    session = MemorySession()
    if config.dc_host is not None:
        session.set_dc(config.dc_id or 2, config.dc_host, config.dc_port or 443)
    return session


def api_pair(secrets: Secrets) -> tuple[int, str]:
    """Return (api id, api hash); raises ConfigError that names both where one is missing."""
    problems = [
        Problem(".env", name, "missing", "take it from https://my.telegram.org → API development tools")
        for name, value in (("API_ID", secrets.api_id), ("API_HASH", secrets.api_hash))
        if not value
    ]
    if problems or secrets.api_id is None or secrets.api_hash is None:
        raise ConfigError(problems)
    return secrets.api_id, secrets.api_hash.reveal()


def trust(path: Path) -> None:
    """Add a server's public RSA key (PEM, ``RSA PUBLIC KEY`` or ``PUBLIC KEY``) to those Telethon accepts.

    The table is the process's own and has no way to remove a key. Raises ConfigError.
    """
    import rsa
    from telethon.crypto.rsa import add_key

    try:
        pem = path.read_bytes()
        load = rsa.PublicKey.load_pkcs1 if b"BEGIN RSA PUBLIC" in pem else rsa.PublicKey.load_pkcs1_openssl_pem
        key = load(pem)
    except OSError as error:
        raise _bad_key(path, f"can't read {path}: {error.strerror}") from error
    except Exception as error:  # rsa raises ValueError, and pyasn1's own tree for a broken body
        raise _bad_key(path, f"{path} holds no public RSA key in PEM form") from error
    if key.n.bit_length() != 2048:
        raise _bad_key(path, f"{path} holds a key of {key.n.bit_length()} bits; MTProto needs 2048")
    add_key(key.save_pkcs1(), old=False)


def _bad_key(path: Path, message: str) -> ConfigError:
    remedy = "give the PEM file of the server's public key, or remove it to use Telegram itself"
    return ConfigError([Problem("channelwatch.toml", "telegram.rsa_key_file", message, remedy)])
