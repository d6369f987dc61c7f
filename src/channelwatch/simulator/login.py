"""Logging in: by code, 2FA password, QR code or bot token; and everything for which Telegram refuses it.

A test or a rehearsal reads the code from ``logins(world).code(phone)`` (or is told by `on_code`), as a person reads
it in the Telegram app. Sources: https://core.telegram.org/api/auth, /api/srp, /api/qr-login and the "Possible
errors" of each method's page.
"""

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telethon.tl import functions, types
from telethon.tl.types import auth

from . import srp
from .entities import user_of
from .rpc import GUARDS, RpcError, rpc
from .wire import Key
from .world import User, World

if TYPE_CHECKING:
    from .server import DataCentre
    from .session import Session

PHONE = re.compile(r"[1-9]\d{6,14}")
"""E.164: at most 15 digits, the first one not zero."""

CODES_A_DAY = 6
"""More codes for one number within a day draw PHONE_NUMBER_FLOOD."""

WRONG_TRIES = 5
"""So many wrong codes kill a code; so many wrong passwords draw a flood wait."""

DAY = 86400


@dataclass(eq=False)
class SentCode:
    """A code on its way."""

    phone: str
    code: str
    expires: float
    ways: int = 0
    """How often it was sent another way."""
    wrong: int = 0


@dataclass(eq=False)
class QrToken:
    """A QR code on somebody's screen."""

    token: bytes
    key: Key
    expires: float
    user: User | None = None
    """Who scanned it."""


@dataclass(eq=False)
class Logins:
    """What a world knows and decides about logging in."""

    pairs: dict[int, str] | None = None
    """The api id → hash pairs that exist; None: every pair with a hash."""
    published: set[int] = field(default_factory=set)
    """Api ids that leaked and are throttled."""
    banned: set[str] = field(default_factory=set)
    """Numbers (digits) that may not log in."""
    code_life: float = 300.0
    token_life: float = 30.0
    """Seconds."""
    fixed_code: str | None = None
    """The code is always this (rehearsals); None: five random digits."""
    on_code: Callable[[str, str], None] | None = None
    """Called with (phone, code) for every code that is sent."""
    by_hash: dict[str, SentCode] = field(default_factory=dict)
    sends: dict[str, list[float]] = field(default_factory=dict)
    tokens: dict[bytes, QrToken] = field(default_factory=dict)

    def code(self, phone: str) -> str:
        """Return the newest code that was sent to a number; raises LookupError where none was."""
        digits = re.sub(r"\D", "", phone)
        for sent in reversed(self.by_hash.values()):
            if sent.phone == digits:
                return sent.code
        raise LookupError(f"no code was sent to {phone}")


def logins(world: World) -> Logins:
    """Return the login book of a world."""
    book: Logins = world.slots.setdefault("logins", Logins())
    return book


def close_account(user: User) -> None:
    """Let Telegram close an account: from now on everything it asks is answered USER_DEACTIVATED_BAN."""
    user.slots["closed"] = True


def move_home(user: User, dc_id: int) -> None:
    """Let an account live in another data centre: logins elsewhere are sent there (PHONE_MIGRATE, QR migration)."""
    user.slots["home"] = dc_id


def _home(user: User | None, dc: "DataCentre") -> int:
    home: int = dc.dc_id if user is None else user.slots.get("home", dc.dc_id)
    return home


def guard(dc: "DataCentre", session: "Session") -> None:
    """Refuse a session whose account is closed, or whose key is used from two addresses at once.

    Raises RpcError; the server calls it before every request. A duplicated key stays dead.
    """
    if session.user is not None and session.user.slots.get("closed"):
        raise RpcError(401, "USER_DEACTIVATED_BAN")
    lines = (other.line for other in dc.sessions.values() if other.key is session.key)
    addresses = {line.writer.get_extra_info("peername")[0] for line in lines if line is not None}
    if len(addresses) > 1:
        session.key.user = None
        session.key.slots["duplicated"] = True
    if session.key.slots.get("duplicated"):
        raise RpcError(406, "AUTH_KEY_DUPLICATED")


GUARDS.append(guard)


# By code


@rpc(functions.auth.SendCodeRequest, needs_login=False)
async def send_code(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Send a code into the app (or by SMS, where no app is logged in)."""
    _check_pair(dc.world, request.api_id, request.api_hash)
    phone = _phone(dc.world, request.phone_number)
    home = _home(dc.world.user_by_phone(phone), dc)
    if home != dc.dc_id:
        raise RpcError(303, f"PHONE_MIGRATE_{home}")
    return _send(dc.world, SentCode(phone, _new_code(dc.world), 0))


@rpc(functions.auth.ResendCodeRequest, needs_login=False)
async def resend_code(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Send the code the next way: app, SMS, call; then there is none left."""
    sent = _sent(dc.world, request)
    if sent.ways == len(_WAYS) - 1:
        raise RpcError(406, "SEND_CODE_UNAVAILABLE")
    del logins(dc.world).by_hash[request.phone_code_hash]
    return _send(dc.world, SentCode(sent.phone, _new_code(dc.world), 0, sent.ways + 1))


@rpc(functions.auth.CancelCodeRequest, needs_login=False)
async def cancel_code(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Make a code void."""
    _sent(dc.world, request)
    del logins(dc.world).by_hash[request.phone_code_hash]
    return True


@rpc(functions.auth.SignInRequest, needs_login=False)
async def sign_in(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Take a code."""
    sent = _sent(dc.world, request)
    if not request.phone_code:
        raise RpcError(400, "PHONE_CODE_EMPTY")
    if request.phone_code != sent.code:
        sent.wrong += 1
        if sent.wrong == WRONG_TRIES:
            sent.expires = 0
        raise RpcError(400, "PHONE_CODE_INVALID")
    del logins(dc.world).by_hash[request.phone_code_hash]
    user = dc.world.user_by_phone(sent.phone)
    if user is None:
        return auth.AuthorizationSignUpRequired()
    return _let_in(dc, session, user)


_WAYS = (
    (auth.SentCodeTypeApp(5), auth.CodeTypeSms()),
    (auth.SentCodeTypeSms(5), auth.CodeTypeCall()),
    (auth.SentCodeTypeCall(5), None),
)
"""How a code is sent, and what the next way would be."""


def _send(world: World, sent: SentCode) -> Any:
    book, now = logins(world), world.clock.now().timestamp()
    past = [moment for moment in book.sends.get(sent.phone, ()) if moment > now - DAY]
    if len(past) >= CODES_A_DAY:
        raise RpcError(400, "PHONE_NUMBER_FLOOD")
    book.sends[sent.phone] = [*past, now]
    sent.expires = now + book.code_life
    code_hash = secrets.token_hex(9)
    book.by_hash[code_hash] = sent
    if book.on_code is not None:
        book.on_code(sent.phone, sent.code)
    way, following = _WAYS[sent.ways]
    return auth.SentCode(way, code_hash, following, timeout=60 if following else None)


def _sent(world: World, request: Any) -> SentCode:
    """Return the living code that a request speaks of."""
    phone = _phone(world, request.phone_number)
    if not request.phone_code_hash:
        raise RpcError(400, "PHONE_CODE_HASH_EMPTY")
    sent = logins(world).by_hash.get(request.phone_code_hash)
    if sent is None or sent.phone != phone or sent.expires <= world.clock.now().timestamp():
        raise RpcError(400, "PHONE_CODE_EXPIRED")
    return sent


def _new_code(world: World) -> str:
    return logins(world).fixed_code or f"{secrets.randbelow(100_000):05}"


def _phone(world: World, written: str) -> str:
    digits = re.sub(r"\D", "", written)
    if not PHONE.fullmatch(digits):
        raise RpcError(400, "PHONE_NUMBER_INVALID")
    if digits in logins(world).banned:
        raise RpcError(400, "PHONE_NUMBER_BANNED")
    return digits


def _check_pair(world: World, api_id: int, api_hash: str) -> None:
    book = logins(world)
    if api_id in book.published:
        raise RpcError(400, "API_ID_PUBLISHED_FLOOD")
    if not api_hash or (book.pairs is not None and book.pairs.get(api_id) != api_hash):
        raise RpcError(400, "API_ID_INVALID")


def _let_in(dc: "DataCentre", session: "Session", user: User, *, proved: bool = False) -> Any:
    """Bind the key to an account, or ask for its password first unless it was `proved`."""
    if user.slots.get("closed"):
        raise RpcError(401, "USER_DEACTIVATED_BAN")
    if user.password is not None and not proved:
        session.key.slots["half"] = user
        raise RpcError(401, "SESSION_PASSWORD_NEEDED")
    session.key.slots.pop("half", None)
    dc.log_in(session, user)
    return auth.Authorization(user_of(dc.world, user, user))


# 2FA password


@rpc(functions.account.GetPasswordRequest, needs_login=False)
async def get_password(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Begin an attempt: the salts, B and its id."""
    user = _halfway(session)
    fresh = _algorithm(os.urandom(8), os.urandom(16))
    rest = types.SecurePasswordKdfAlgoUnknown(), os.urandom(256)
    if user.password is None:
        return types.account.Password(fresh, *rest, has_password=False)
    kept = _verifier(user)
    asked = srp.challenge(kept, os.urandom)
    session.key.slots["srp"] = asked, kept
    return types.account.Password(
        fresh,
        *rest,
        has_password=True,
        current_algo=_algorithm(kept.salt1, kept.salt2),
        srp_B=asked.public,
        srp_id=asked.id,
        hint=user.slots.get("hint"),
    )


@rpc(functions.auth.CheckPasswordRequest, needs_login=False)
async def check_password(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Check a proof of the password; a challenge serves once."""
    user = _halfway(session)
    given = request.password
    if user.password is None or not isinstance(given, types.InputCheckPasswordSRP):
        raise RpcError(400, "PASSWORD_HASH_INVALID")
    asked, kept = session.key.slots.pop("srp", (None, None))
    if asked is None or asked.id != given.srp_id:
        raise RpcError(400, "SRP_ID_INVALID")
    if kept is not _verifier(user):
        raise RpcError(400, "SRP_PASSWORD_CHANGED")
    if user.slots.get("wrong_passwords", 0) >= WRONG_TRIES:
        raise RpcError(420, f"FLOOD_WAIT_{DAY}")
    if not srp.proves(kept, asked, given.A, given.M1):
        user.slots["wrong_passwords"] = user.slots.get("wrong_passwords", 0) + 1
        raise RpcError(400, "PASSWORD_HASH_INVALID")
    user.slots["wrong_passwords"] = 0
    return _let_in(dc, session, user, proved=True)


def _halfway(session: "Session") -> User:
    """Return who is logged in, or has shown a code and owes the password."""
    user: User | None = session.user or session.key.slots.get("half")
    if user is None:
        raise RpcError(401, "AUTH_KEY_UNREGISTERED")
    return user


def _verifier(user: User) -> srp.Verifier:
    """Return what is kept of the password; a changed password gets a new one."""
    password, kept = user.slots.get("srp", (None, None))
    if kept is None or password != user.password:
        kept = srp.verifier(user.password or "", os.urandom)
        user.slots["srp"] = user.password, kept
    verifier: srp.Verifier = kept
    return verifier


def _algorithm(salt1: bytes, salt2: bytes) -> Any:
    return types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
        salt1, salt2, srp.G, srp.P.to_bytes(srp.SIZE, "big")
    )


# By QR code


@rpc(functions.auth.ExportLoginTokenRequest, needs_login=False)
async def export_login_token(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Give a token to draw, or let in whoever's token was scanned."""
    _check_pair(dc.world, request.api_id, request.api_hash)
    book, now = logins(dc.world), dc.time()
    for token in book.tokens.values():
        if token.key is session.key and token.user is not None and token.user.id not in request.except_ids:
            home = _home(token.user, dc)
            if home != dc.dc_id:
                return auth.LoginTokenMigrateTo(home, token.token)
            return auth.LoginTokenSuccess(_let_in(dc, session, token.user))
    fresh = os.urandom(32)
    book.tokens[fresh] = QrToken(fresh, session.key, now + book.token_life)
    return auth.LoginToken(-int(-book.tokens[fresh].expires // 1), fresh)


@rpc(functions.auth.ImportLoginTokenRequest, needs_login=False)
async def import_login_token(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Let in whoever's token was scanned; for a client that was sent here from another data centre."""
    token = _token(dc, request.token)
    if token.user is None:
        return auth.LoginToken(int(token.expires), request.token)
    return auth.LoginTokenSuccess(_let_in(dc, session, token.user))


@rpc(functions.auth.AcceptLoginTokenRequest, bots=False)
async def accept_login_token(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Scan: the app of a logged-in account accepts a token, and the screen that shows it is told."""
    token = _token(dc, request.token)
    if token.user is not None:
        raise RpcError(400, "AUTH_TOKEN_ALREADY_ACCEPTED")
    token.user = session.user
    now = dc.now()
    for other in dc.sessions.values():
        if other.key is token.key:
            other.push(types.UpdateShort(types.UpdateLoginToken(), now))
    host = "127.0.0.1"
    return types.Authorization(
        token.key.id, "device", "", "", 0, "channelwatch", "", now, now, host, "", "", password_pending=False
    )


def _token(dc: "DataCentre", token: bytes) -> QrToken:
    known = logins(dc.world).tokens.get(token)
    if known is None:
        raise RpcError(400, "AUTH_TOKEN_INVALID")
    if known.expires <= dc.time():
        raise RpcError(400, "AUTH_TOKEN_EXPIRED")
    return known


# Bots, and the way out


@rpc(functions.auth.ImportBotAuthorizationRequest, needs_login=False)
async def import_bot_authorization(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Log a bot in by its token."""
    _check_pair(dc.world, request.api_id, request.api_hash)
    bot = dc.world.bots.get(request.bot_auth_token)
    if bot is None:
        raise RpcError(400, "ACCESS_TOKEN_INVALID")
    return _let_in(dc, session, bot.user)


@rpc(functions.auth.LogOutRequest)
async def log_out(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """End this login; the account's other ones go on."""
    session.key.user = None
    session.key.slots.clear()
    return auth.LoggedOut()
