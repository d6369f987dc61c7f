"""Requests for missed updates: the state, the account's difference, a channel's difference; pts are checked."""

from typing import TYPE_CHECKING, Any

from telethon.tl import functions, types

from channelwatch.simulator.entities import channel_of, find_channel
from channelwatch.simulator.reading import dialog
from channelwatch.simulator.rpc import RpcError, rpc

if TYPE_CHECKING:
    from channelwatch.simulator.server import DataCentre
    from channelwatch.simulator.session import Session

ACCOUNT_PTS = 1
"""Nothing ever happens to the account itself."""
TOO_LONG = -1
"""The pts that the ``too_long`` fault puts into a request."""


def _state(dc: "DataCentre") -> Any:
    return types.updates.State(pts=ACCOUNT_PTS, qts=0, date=dc.now(), seq=1, unread_count=0)


@rpc(functions.updates.GetStateRequest)
async def get_state(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return where the account's updates stand."""
    return _state(dc)


@rpc(functions.updates.GetDifferenceRequest)
async def get_difference(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Name the joined channels in which something happened since `date`; their posts come by getChannelDifference."""
    viewer = session.viewer
    if request.pts == TOO_LONG:
        return types.updates.DifferenceTooLong(ACCOUNT_PTS)
    if request.pts == 0:
        raise RpcError(400, "PERSISTENT_TIMESTAMP_EMPTY")
    if not 0 < request.pts <= ACCOUNT_PTS:
        raise RpcError(400, "PERSISTENT_TIMESTAMP_INVALID")
    since = int(request.date.timestamp()) if request.date else 0
    if since <= 0:
        raise RpcError(400, "DATE_EMPTY")
    changed = [channel for channel in dc.world.joined(viewer) if channel.log and channel.log[-1].at >= since]
    if not changed:
        return types.updates.DifferenceEmpty(date=dc.now(), seq=1)
    return types.updates.Difference(
        new_messages=[],
        new_encrypted_messages=[],
        other_updates=[types.UpdateChannelTooLong(channel.id, channel.pts) for channel in changed],
        chats=[channel_of(dc.world, viewer, channel) for channel in changed],
        users=[],
        state=_state(dc),
    )


@rpc(functions.updates.GetChannelDifferenceRequest)
async def get_channel_difference(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return what happened in a channel after a pts, or "too long" over ``dc.too_long_over`` updates."""
    viewer = session.viewer
    channel = find_channel(dc.world, viewer, request.channel)
    if request.pts == 0:
        raise RpcError(400, "PERSISTENT_TIMESTAMP_EMPTY")
    if request.pts != TOO_LONG and not 0 < request.pts <= channel.pts:
        raise RpcError(400, "PERSISTENT_TIMESTAMP_INVALID")
    chats = [channel_of(dc.world, viewer, channel)]
    steps = channel.after(request.pts)
    if request.pts < channel.log_start or channel.pts - request.pts > dc.too_long_over:
        made, _ = dialog(dc, channel)
        newest = channel.visible(dc.world.clock.monotonic())[-10:][::-1]
        return types.updates.ChannelDifferenceTooLong(
            dialog=made,
            messages=[channel.posts[message_id].ready(channel.id) for message_id in newest],
            chats=chats,
            users=[],
            final=True,
        )
    if not steps:
        return types.updates.ChannelDifferenceEmpty(pts=channel.pts, final=True)
    taken = steps[: max(1, min(request.limit, 100 if not viewer.bot else 100_000))]
    final = len(taken) == len(steps)
    now = dc.world.clock.monotonic()
    fresh: dict[int, Any] = {}
    others = []
    for step in taken:
        for message_id in step.ids:
            if step.kind == "delete":
                others.append(types.UpdateDeleteChannelMessages(channel.id, [message_id], step.pts, 1))
            elif not channel.sees(message_id, now):
                continue
            elif step.kind == "new":
                fresh[message_id] = channel.posts[message_id].ready(channel.id)
            elif message_id not in fresh:
                message = channel.posts[message_id].ready(channel.id)
                others.append(types.UpdateEditChannelMessage(message, step.pts, 1))
    return types.updates.ChannelDifference(
        pts=taken[-1].pts,
        new_messages=list(fresh.values()),
        other_updates=others,
        chats=chats,
        users=[],
        final=final or None,
    )
