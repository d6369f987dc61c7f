"""What happens to a request: wrappers off, counted, a fault or the handler, the answer on its way."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from telethon.errors import TypeNotFoundError
from telethon.tl import functions, types

from channelwatch.simulator import wire
from channelwatch.simulator.rpc import GUARDS, TABLE, WRAPPERS, RpcError, method_name
from channelwatch.simulator.updates import TOO_LONG

if TYPE_CHECKING:
    from channelwatch.simulator.server import DataCentre
    from channelwatch.simulator.session import Session

_NOT_ANSWERED = (types.MsgsAck, types.MsgsStateInfo, types.MsgsAllInfo, types.MsgResendReq, types.HttpWait)
_PINGS = (functions.PingRequest, functions.PingDelayDisconnectRequest)


async def dispatch(dc: "DataCentre", session: "Session", message_id: int, request: Any) -> None:
    """Unwrap a request, let a fault act on it, or answer it."""
    wants_updates = True
    while isinstance(request, WRAPPERS):
        if isinstance(request, functions.InvokeWithoutUpdatesRequest):
            wants_updates = False
        if isinstance(request, functions.InitConnectionRequest):
            session.key.inited = True
        request = request.query  # type: ignore[attr-defined]
    if isinstance(request, _NOT_ANSWERED):
        return
    name = "unknown" if isinstance(request, TypeNotFoundError) else method_name(request.__class__)
    dc.calls[name] += 1
    if wants_updates and session.user is not None and not isinstance(request, _PINGS):
        session.wants_updates = True
        dc.first_client.set()
    action = dc.faults.take(name, dc.world.clock.monotonic())
    if action is None:
        await _answer(dc, session, message_id, request, name)
        return
    match action:
        case "silent":
            return
        case "drop":
            if session.line:
                session.line.cut()
        case "salt":
            dc.salt_change()
            await _answer(dc, session, message_id, request, name)
        case "unknown":
            session.answer(message_id, wire.UNKNOWN_CONSTRUCTOR)
        case "too_long":
            await _answer(dc, session, message_id, request, name, too_long=True)
        case RpcError():
            session.answer(message_id, bytes(types.RpcError(action.code, action.name)))
        case int() | float():
            answer = partial(_answer, dc, session, message_id, request, name)
            dc.later(action, lambda: _spawn(answer()))
        case _:
            if session.line:
                session.line.error(int(action.removeprefix("transport ")))
                session.line.close_after(0.05)


_late: set[asyncio.Future[None]] = set()
"""Late answers on their way; a task that nobody holds may be collected."""


def _spawn(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    _late.add(task)
    task.add_done_callback(_late.discard)


async def _answer(
    dc: "DataCentre", session: "Session", message_id: int, request: Any, name: str, *, too_long: bool = False
) -> None:
    if _service(dc, session, message_id, request):
        return
    try:
        entry = TABLE.get(type(request))
        if entry is None:
            dc.unknown_calls[name] += 1
            raise RpcError(400, "INPUT_METHOD_INVALID")
        if not session.key.inited:
            raise RpcError(400, "CONNECTION_NOT_INITED")
        for guard in GUARDS:
            guard(dc, session)
        if entry.needs_login and session.user is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        if not entry.bots and session.user is not None and session.user.bot:
            raise RpcError(400, "BOT_METHOD_INVALID")
        if too_long:
            request.pts = TOO_LONG
        body = wire.answer_bytes(await entry.handler(dc, session, request))
    except RpcError as error:
        body = bytes(types.RpcError(error.code, error.name))
    except Exception as error:  # ours to know of, the client's to see as Telegram's own failure
        dc.crashes.append(error)
        body = bytes(types.RpcError(500, "INTERNAL_SERVER_ERROR"))
    session.answer(message_id, body)


def _service(dc: "DataCentre", session: "Session", message_id: int, request: Any) -> bool:
    """Answer what belongs to MTProto itself; tell whether it was that."""
    match request:
        case functions.PingRequest():
            session.send(bytes(types.Pong(message_id, request.ping_id)), content=False)
        case functions.PingDelayDisconnectRequest():
            if session.line:
                session.line.close_after(request.disconnect_delay)
            session.send(bytes(types.Pong(message_id, request.ping_id)), content=False)
        case functions.GetFutureSaltsRequest():
            now = dc.now()
            salts = [types.FutureSalt(now, now + 86400, session.key.salt)]
            session.send(bytes(types.FutureSalts(message_id, now, salts)), content=False)
        case types.MsgsStateReq():
            info = types.MsgsStateInfo(message_id, b"\x04" * len(request.msg_ids))
            session.send(bytes(info), content=False)
        case functions.DestroySessionRequest():
            known = dc.sessions.pop((session.key.id, request.session_id), None)
            kind = types.DestroySessionOk if known else types.DestroySessionNone
            session.send(bytes(kind(request.session_id)), content=False)
        case functions.RpcDropAnswerRequest():
            session.answer(message_id, bytes(types.RpcAnswerUnknown()))
        case _:
            return False
    return True
