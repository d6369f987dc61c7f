"""Telethon's exceptions, translated once into ours."""

import asyncio

from telethon import errors

from channelwatch.errors import ChannelGone, Flooded, LineDown, LoginNeeded, TelegramError

LOGIN_REMEDY = "run: channelwatch login"
_APPEAL = "ask https://telegram.org/support to lift it, or use another account"

_GONE = {
    "CHANNEL_INVALID",
    "CHANNEL_PRIVATE",
    "CHANNEL_PUBLIC_GROUP_NA",
    "CHANNEL_BANNED",
    "CHAT_FORBIDDEN",
    "CHAT_ID_INVALID",
    "CHAT_INVALID",
    "PEER_ID_INVALID",
    "USERNAME_INVALID",
    "USERNAME_NOT_OCCUPIED",
    "INVITE_HASH_EXPIRED",
    "USER_BANNED_IN_CHANNEL",
}
_LOST = {
    "AUTH_KEY_DUPLICATED": "the login was used from two places at once, and Telegram ended it",
    "AUTH_KEY_UNREGISTERED": "Telegram does not know this login any more",
    "AUTH_KEY_INVALID": "Telegram does not know this login",
    "SESSION_REVOKED": "the login was ended from another device",
    "SESSION_EXPIRED": "the login has expired",
    "USER_DEACTIVATED": "the account was deleted",
    "USER_DEACTIVATED_BAN": "Telegram has banned the account",
    "FROZEN_METHOD_INVALID": "Telegram has frozen the account",
    "FROZEN_PARTICIPANT_MISSING": "Telegram has frozen the account",
}

_REMEDIES = {
    "AUTH_KEY_DUPLICATED": f"never use telegram.key on two machines; {LOGIN_REMEDY}",
    "USER_DEACTIVATED": _APPEAL,
    "USER_DEACTIVATED_BAN": _APPEAL,
    "FROZEN_METHOD_INVALID": _APPEAL,
    "FROZEN_PARTICIPANT_MISSING": _APPEAL,
}
"""What to do about a lost login where a new one does not help, or not alone."""


def translate(error: BaseException, method: str) -> TelegramError:
    """Return our error for one that a call of `method` raised."""
    if isinstance(error, TelegramError):
        return error
    if isinstance(error, errors.AuthKeyNotFound):
        return LoginNeeded(_LOST["AUTH_KEY_INVALID"], remedy=LOGIN_REMEDY)
    if isinstance(error, errors.RPCError):
        return _rpc(error, method)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return LineDown(f"{method}: no answer in time")
    if isinstance(error, OSError | EOFError | asyncio.CancelledError | BufferError | errors.SecurityError):
        return LineDown(f"{method}: the line was cut ({type(error).__name__})")
    return TelegramError(f"{method}: the answer could not be read ({type(error).__name__})")


def _rpc(error: errors.RPCError, method: str) -> TelegramError:
    name = _name(error)
    if name in _LOST:
        return LoginNeeded(_LOST[name], remedy=_REMEDIES.get(name, LOGIN_REMEDY))
    seconds = getattr(error, "seconds", None)
    if isinstance(error, errors.FloodError) or (isinstance(seconds, int) and "WAIT" in type(error).__name__.upper()):
        return Flooded(method, float(max(seconds if isinstance(seconds, int) else 60, 1)))
    if isinstance(error, errors.UnauthorizedError):
        return LoginNeeded(f"Telegram refuses the login ({name})", remedy=LOGIN_REMEDY)
    if name in _GONE:
        return ChannelGone(f"the channel can't be read ({name})")
    if isinstance(error, errors.ServerError | errors.TimedOutError | errors.InvalidDCError) or (
        error.code is not None and abs(error.code) >= 500
    ):
        return LineDown(f"{method}: Telegram has trouble ({name})")
    if name in {"RPC_CALL_FAIL", "RPC_MCGET_FAIL", "INTERDC_X_CALL_ERROR", "INTERDC_X_CALL_RICH_ERROR"}:
        return LineDown(f"{method}: Telegram has trouble ({name})")
    return TelegramError(f"{method}: Telegram refuses ({error.code} {name})")


def _name(error: errors.RPCError) -> str:
    """Return Telegram's own name of an error: ``CHANNEL_PRIVATE``.

    Telethon's classes of known errors carry a sentence instead, so their name comes from the table they are kept in.
    """
    known = _NAMES.get(type(error))
    return known if known is not None else str(error.message or type(error).__name__).upper()


_NAMES = {cls: name for name, cls in errors.rpc_errors_dict.items()}
