"""The login on disk: one auth key, in ``telegram.key`` of the data folder.

The auth key *is* the account, without a second factor. So the file is 0600 and is refused when others may read
it; it is written whole or not at all; and it is written only by a login that proved itself. The login before
the last one stays in ``telegram.key.old``. Nothing else that Telethon knows is kept: its session lives in memory.
"""

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from channelwatch.config.model import Secrets, TelegramConfig
from channelwatch.errors import ConfigError, LoginNeeded, Problem

if TYPE_CHECKING:
    from telethon.sessions import MemorySession

FILE = "telegram.key"
OLD_FILE = "telegram.key.old"

_REMEDY = "run: channelwatch login"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An auth key and the server that knows it."""

    dc_id: int
    host: str
    port: int
    auth_key: bytes
    """As Telethon keeps it: 256 bytes, or fewer where the number began with zero bytes."""
    user_id: int | None = None
    """Whose it is; None when it came from a session string, which does not say."""

    def __repr__(self) -> str:
        """Name the account and the server, never the key."""
        return f"Key(user_id={self.user_id}, dc_id={self.dc_id}, {self.host}:{self.port}, ***)"

    def session(self, config: TelegramConfig | None = None) -> "MemorySession":
        """Return a new in-memory Telethon session with this key; a server named in `config` replaces the stored one."""
        from telethon.crypto import AuthKey
        from telethon.sessions import MemorySession

        session = MemorySession()
        session.set_dc(self.dc_id, self.host, self.port)
        if config is not None and config.dc_host is not None:
            session.set_dc(config.dc_id or self.dc_id, config.dc_host, config.dc_port or self.port)
        session.auth_key = AuthKey(self.auth_key)
        return session


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    version: int = 1
    dc_id: int
    host: str
    port: int
    auth_key: str
    user_id: int | None = None


def load(folder: Path, secrets: Secrets) -> Key:
    """Return the login: SESSION_STRING where it is set, else ``telegram.key`` of the data folder.

    Raises LoginNeeded when there is none or it is damaged, ConfigError when others may read the file or
    SESSION_STRING is not a Telethon session string.
    """
    if secrets.session_string is not None and secrets.session_string.reveal().strip():
        return from_session_string(secrets.session_string.reveal().strip())
    path = folder / FILE
    try:
        _refuse_if_shared(path)
        data = path.read_bytes()
    except FileNotFoundError:
        raise LoginNeeded(f"there is no Telegram login in {folder}", remedy=_REMEDY) from None
    except OSError as error:
        raise LoginNeeded(f"{path} can't be read: {error.strerror}", remedy="make it yours: chown") from error
    try:
        stored = msgspec.json.decode(data, type=_Stored)
        key = bytes.fromhex(stored.auth_key)
    except ValueError:
        key = b""
    if not 240 <= len(key) <= 256 or stored.version != 1:
        older = f", or bring back the login before it: mv {folder / OLD_FILE} {path}"
        remedy = _REMEDY + older if (folder / OLD_FILE).exists() else _REMEDY
        # `from None`: a decoding error quotes what it read.
        raise LoginNeeded(f"{path} is damaged", remedy=remedy) from None
    return Key(dc_id=stored.dc_id, host=stored.host, port=stored.port, auth_key=key, user_id=stored.user_id)


def save(folder: Path, key: Key) -> None:
    """Write the login to ``telegram.key`` (0600, whole or not at all); the one before it becomes ``telegram.key.old``.

    Call it only with a key that a self-check has used. Makes the folder (0700) where it is missing.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stored = _Stored(dc_id=key.dc_id, host=key.host, port=key.port, auth_key=key.auth_key.hex(), user_id=key.user_id)
    path, old = folder / FILE, folder / OLD_FILE
    if path.exists():
        _write(old, path.read_bytes())
    _write(path, msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n")


def from_session_string(text: str) -> Key:
    """Read a Telethon StringSession; raises ConfigError (which never quotes it)."""
    from telethon.sessions import StringSession

    try:
        session = StringSession(text)
    except Exception:  # Telethon lets struct.error, binascii.Error and ValueError through
        session = None
    if session is None or session.auth_key is None:
        remedy = "give a Telethon session string, or remove it and run: channelwatch login"
        message = "not a Telethon session string, or one without a key"
        # `from None`: the cause may quote the secret.
        raise ConfigError([Problem(".env", "SESSION_STRING", message, remedy)]) from None
    return Key(dc_id=session.dc_id, host=session.server_address, port=session.port, auth_key=session.auth_key.key)


def _refuse_if_shared(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        message = f"others may read it (mode {mode:04o}); whoever has this file has the account"
        raise ConfigError([Problem(str(path), "", message, f"chmod 600 {path}")])


def _write(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
