"""The table of requests: one async function per request class, registered with ``@rpc``.

::

    @rpc(functions.channels.JoinChannelRequest, bots=False)
    async def join_channel(dc: DataCentre, session: Session, request: Any) -> TLObject: ...

A handler returns a TL object, a Bool, a list (a Vector) or ready bytes, and raises RpcError to refuse.
"""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from telethon.tl import functions

if TYPE_CHECKING:
    from channelwatch.simulator.server import DataCentre
    from channelwatch.simulator.session import Session

Handler = Callable[["DataCentre", "Session", Any], Awaitable[Any]]


class RpcError(Exception):
    """A refusal as Telegram words it: a code and a NAME."""

    def __init__(self, code: int, name: str) -> None:
        """``RpcError(420, "FLOOD_WAIT_17")``."""
        super().__init__(f"{code} {name}")
        self.code = code
        self.name = name


class Entry(NamedTuple):
    """A handler and who may call it."""

    handler: Handler
    needs_login: bool
    bots: bool


TABLE: dict[type, Entry] = {}
"""Every request class that the data centre understands."""


def rpc(request_class: type, *, needs_login: bool = True, bots: bool = True) -> Callable[[Handler], Handler]:
    """Register a handler; without a login it is refused with 401, a bot where `bots` is False with 400."""

    def register(handler: Handler) -> Handler:
        TABLE[request_class] = Entry(handler, needs_login, bots)
        return handler

    return register


GUARDS: list[Callable[["DataCentre", "Session"], None]] = []
"""Called before every request of a handler; one that raises RpcError refuses the session, whatever it asks."""


@cache
def method_name(request_class: Any) -> str:
    """Return Telegram's own spelling of a request class: ``messages.getHistory``, ``ping``."""
    name: str = request_class.__name__.removesuffix("Request")
    name = name[:1].lower() + name[1:]
    space = request_class.__module__.rsplit(".", 1)[-1]
    return name if space == "functions" else f"{space}.{name}"


WRAPPERS: tuple[type, ...] = (
    functions.InvokeWithLayerRequest,
    functions.InitConnectionRequest,
    functions.InvokeAfterMsgRequest,
    functions.InvokeAfterMsgsRequest,
    functions.InvokeWithoutUpdatesRequest,
    functions.InvokeWithTakeoutRequest,
)
"""Requests that carry another one in ``query``."""
