"""Requests that read: names, channels, history, ids, dialogs, folders; and joining and leaving."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from telethon.tl import functions, types

from channelwatch.simulator.entities import channel_of, find_channel, find_user, min_channel, user_of
from channelwatch.simulator.messages import empty
from channelwatch.simulator.rpc import RpcError, rpc
from channelwatch.simulator.world import USERNAME, SimChannel, User

if TYPE_CHECKING:
    from channelwatch.simulator.server import DataCentre
    from channelwatch.simulator.session import Session

HISTORY_LIMIT = 100
IDS_LIMIT = 200
DIALOGS_LIMIT = 100


def _chats(dc: "DataCentre", viewer: User, channel: SimChannel, ids: Iterable[int]) -> list[Any]:
    """Return the channel, and as ``min`` those that its posts were forwarded from."""
    origins: dict[int, Any] = {}
    for message_id in ids:
        header = channel.posts[message_id].forward
        if header is not None and isinstance(header.from_id, types.PeerChannel):
            origin = dc.world.channels.get(header.from_id.channel_id)
            if origin is not None and origin is not channel:
                origins[origin.id] = min_channel(origin)
    return [channel_of(dc.world, viewer, channel), *origins.values()]


@rpc(functions.contacts.ResolveUsernameRequest)
async def resolve_username(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Find a channel or user by name."""
    viewer = session.viewer
    name = request.username.removeprefix("@")
    if not USERNAME.fullmatch(name):
        raise RpcError(400, "USERNAME_INVALID")
    found = dc.world.by_name(name)
    if found is None or (isinstance(found, SimChannel) and viewer.id in found.banned):
        raise RpcError(400, "USERNAME_NOT_OCCUPIED")
    if isinstance(found, User):
        return types.contacts.ResolvedPeer(types.PeerUser(found.id), [], [user_of(dc.world, viewer, found)])
    return types.contacts.ResolvedPeer(types.PeerChannel(found.id), [channel_of(dc.world, viewer, found)], [])


@rpc(functions.channels.GetChannelsRequest)
async def get_channels(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return channels by id and access hash."""
    viewer = session.viewer
    found = [find_channel(dc.world, viewer, peer) for peer in request.id]
    return types.messages.Chats([channel_of(dc.world, viewer, channel) for channel in found])


@rpc(functions.channels.GetFullChannelRequest)
async def get_full_channel(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return one channel in full."""
    viewer = session.viewer
    channel = find_channel(dc.world, viewer, request.channel)
    full = types.ChannelFull(
        id=channel.id,
        about="",
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=0,
        chat_photo=types.PhotoEmpty(0),
        notify_settings=types.PeerNotifySettings(),
        bot_info=[],
        pts=channel.pts,
        participants_count=len(channel.members),
    )
    return types.messages.ChatFull(full, [channel_of(dc.world, viewer, channel)], [])


@rpc(functions.channels.GetParticipantRequest)
async def get_participant(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Tell whether the account itself is a member (others are not shown in a broadcast channel)."""
    viewer = session.viewer
    channel = find_channel(dc.world, viewer, request.channel)
    if find_user(dc.world, viewer, request.participant) is not viewer:
        raise RpcError(400, "CHAT_ADMIN_REQUIRED")
    if viewer.id not in channel.members:
        raise RpcError(400, "USER_NOT_PARTICIPANT")
    participant = types.ChannelParticipantSelf(viewer.id, 0, dc.now())
    return types.channels.ChannelParticipant(
        participant, [channel_of(dc.world, viewer, channel)], [user_of(dc.world, viewer, viewer)]
    )


def _membership(dc: "DataCentre", viewer: User, channel: SimChannel) -> Any:
    return types.Updates([types.UpdateChannel(channel.id)], [], [channel_of(dc.world, viewer, channel)], dc.now(), 0)


@rpc(functions.channels.JoinChannelRequest, bots=False)
async def join_channel(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Make the account a member, so that pushes come."""
    viewer = session.viewer
    channel = find_channel(dc.world, viewer, request.channel)
    if viewer.id in channel.members:
        raise RpcError(400, "USER_ALREADY_PARTICIPANT")
    if len(dc.world.joined(viewer)) >= dc.world.max_channels:
        raise RpcError(400, "CHANNELS_TOO_MUCH")
    dc.world.join(viewer, channel)
    return _membership(dc, viewer, channel)


@rpc(functions.channels.LeaveChannelRequest)
async def leave_channel(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Undo a membership."""
    viewer = session.viewer
    channel = find_channel(dc.world, viewer, request.channel, member=True)
    dc.world.leave(viewer, channel)
    return _membership(dc, viewer, channel)


def window(
    ids: list[int], edge: int, add_offset: int, limit: int, *, most: int = HISTORY_LIMIT, overlap: int = 0
) -> list[int]:
    """Return the ids of a history page, ascending.

    `edge` is how many of `ids` lie below the offset. A page that reaches upwards only (``add_offset <= -limit``) and
    is cut to `most` still begins at the offset; any other keeps its newest posts. `overlap` adds posts from below the
    offset to a page that reaches upwards.
    """
    asked = min(limit, HISTORY_LIMIT) if limit > 0 else HISTORY_LIMIT
    newest = edge - add_offset
    oldest = newest - asked
    if add_offset <= -asked:
        newest = min(newest, oldest + most)
        oldest -= overlap
    else:
        oldest = max(oldest, newest - most)
    return ids[max(0, oldest) : max(0, newest)]


@rpc(functions.messages.GetHistoryRequest, bots=False)
async def get_history(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return a page of history, newest first.

    The page starts at the first post below `offset_id` (0: at the newest), moved by `add_offset` posts (negative:
    towards newer ones), and is cut by `min_id` and `max_id` (both exclusive).
    """
    viewer = session.viewer
    channel = find_channel(dc.world, viewer, request.peer)
    ids = channel.visible(dc.world.clock.monotonic())
    edge = len(ids)
    if request.offset_id > 0:
        edge = bisect_left(ids, request.offset_id)
    elif request.offset_date and (before := int(request.offset_date.timestamp())) > 0:
        while edge and channel.posts[ids[edge - 1]].date >= before:
            edge -= 1
    page = window(ids, edge, request.add_offset, request.limit, most=dc.page_limit, overlap=dc.overlap)
    if request.max_id > 0 or request.min_id > 0:
        top = request.max_id if request.max_id > 0 else channel.top + 1
        page = [message_id for message_id in page if request.min_id < message_id < top]
    page = page[::-1]
    return types.messages.ChannelMessages(
        pts=channel.pts,
        count=len(ids),
        messages=[channel.posts[message_id].ready(channel.id) for message_id in page],
        topics=[],
        chats=_chats(dc, viewer, channel, page),
        users=[],
    )


@rpc(functions.channels.GetMessagesRequest)
async def get_messages(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return posts by id, in the order asked; MessageEmpty where nothing is to be seen."""
    viewer = session.viewer
    channel = find_channel(dc.world, viewer, request.channel)
    if not request.id:
        raise RpcError(400, "MESSAGE_IDS_EMPTY")
    now = dc.world.clock.monotonic()
    wanted = [getattr(item, "id", 0) for item in request.id[:IDS_LIMIT]]
    seen = [message_id for message_id in wanted if channel.sees(message_id, now)]
    return types.messages.ChannelMessages(
        pts=channel.pts,
        count=len(wanted),
        messages=[
            channel.posts[message_id].ready(channel.id)
            if channel.sees(message_id, now)
            else empty(channel.id, message_id)
            for message_id in wanted
        ],
        topics=[],
        chats=_chats(dc, viewer, channel, seen),
        users=[],
    )


@rpc(functions.messages.GetMessagesRequest)
async def get_own_messages(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return MessageEmpty for every id: nobody writes to the account here."""
    nothing = [types.MessageEmpty(id=getattr(item, "id", 0), peer_id=None) for item in request.id]
    return types.messages.Messages(nothing, [], [], [])


def dialog(dc: "DataCentre", channel: SimChannel) -> tuple[Any, list[int]]:
    """Return a channel's dialog and the id of its newest visible post, if any."""
    ids = channel.visible(dc.world.clock.monotonic())[-1:]
    made = types.Dialog(
        peer=types.PeerChannel(channel.id),
        top_message=ids[0] if ids else 0,
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=0,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=types.PeerNotifySettings(),
        pts=channel.pts,
    )
    return made, ids


def _dialogs(dc: "DataCentre", viewer: User, channels: list[SimChannel]) -> tuple[list[Any], list[Any], list[Any]]:
    dialogs, tops, chats = [], [], {}
    for channel in channels:
        made, ids = dialog(dc, channel)
        dialogs.append(made)
        tops += [channel.posts[message_id].ready(channel.id) for message_id in ids]
        for chat in reversed(_chats(dc, viewer, channel, ids)):
            if not chat.min or chat.id not in chats:
                chats[chat.id] = chat
    return dialogs, tops, list(chats.values())


@rpc(functions.messages.GetDialogsRequest, bots=False)
async def get_dialogs(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return the account's channels, the one with the newest post first, page by page."""
    viewer = session.viewer
    now = dc.world.clock.monotonic()

    def newest(channel: SimChannel) -> tuple[int, int]:
        ids = channel.visible(now)
        return (channel.posts[ids[-1]].date if ids else channel.created, channel.id)

    channels = sorted(dc.world.joined(viewer), key=newest, reverse=True)
    total = len(channels)
    if isinstance(request.offset_peer, types.InputPeerChannel):
        last = request.offset_peer.channel_id
        at = next((n for n, channel in enumerate(channels) if channel.id == last), -1)
        channels = channels[at + 1 :]
    page = channels[: max(1, min(request.limit or DIALOGS_LIMIT, DIALOGS_LIMIT))]
    dialogs, tops, chats = _dialogs(dc, viewer, page)
    if len(page) == total:
        return types.messages.Dialogs(dialogs, tops, chats, [])
    return types.messages.DialogsSlice(total, dialogs, tops, chats, [])


@rpc(functions.messages.GetPeerDialogsRequest, bots=False)
async def get_peer_dialogs(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return the dialogs of some channels: the cheap way to learn the newest id of up to 100 at once."""
    viewer = session.viewer
    peers = [getattr(peer, "peer", None) for peer in request.peers[:DIALOGS_LIMIT]]
    channels = [find_channel(dc.world, viewer, peer) for peer in peers]
    state = types.updates.State(1, 0, dc.now(), 1, 0)
    return types.messages.PeerDialogs(*_dialogs(dc, viewer, channels), [], state)


@rpc(functions.messages.GetDialogFiltersRequest, bots=False)
async def get_dialog_filters(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return the account's folders, "all chats" first."""
    viewer = session.viewer
    folders = [
        types.DialogFilter(
            id=number,
            title=types.TextWithEntities(title, []),
            pinned_peers=[],
            include_peers=[
                types.InputPeerChannel(channel.id, dc.world.access_hash(viewer, channel)) for channel in channels
            ],
            exclude_peers=[],
        )
        for number, (title, channels) in enumerate(viewer.folders, start=2)
    ]
    return types.messages.DialogFilters([types.DialogFilterDefault(), *folders])
