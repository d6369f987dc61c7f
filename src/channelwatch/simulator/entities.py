"""Channels, users and bots as TL objects, as one account sees them; and input peers checked."""

from hashlib import sha256
from typing import Any

from telethon.tl import types

from channelwatch.simulator.rpc import RpcError
from channelwatch.simulator.world import SimChannel, User, World


def channel_of(world: World, viewer: User, channel: SimChannel) -> Any:
    """Return a channel in full."""
    return types.Channel(
        id=channel.id,
        title=channel.title,
        photo=types.ChatPhotoEmpty(),
        date=channel.created,
        broadcast=True,
        left=viewer.id not in channel.members,
        username=None if channel.more_names else channel.name,
        usernames=_names(channel),
        access_hash=world.access_hash(viewer, channel),
        participants_count=len(channel.members),
    )


def _names(channel: SimChannel) -> list[Any] | None:
    if not channel.more_names:
        return None
    bought = [types.Username(name, active=True) for name in channel.more_names]
    return [types.Username(channel.name, editable=True, active=True), *bought] if channel.name else bought


def min_channel(channel: SimChannel) -> Any:
    """Return a channel as it comes along with a forward: ``min``, with an access hash that opens nothing."""
    useless = int.from_bytes(sha256(f"min/{channel.id}".encode()).digest()[:8], "little", signed=True)
    return types.Channel(
        id=channel.id,
        title=channel.title,
        photo=types.ChatPhotoEmpty(),
        date=channel.created,
        broadcast=True,
        min=True,
        username=channel.name,
        access_hash=useless,
    )


def user_of(world: World, viewer: User | None, user: User) -> Any:
    """Return a user; the viewer's own account is marked ``self``."""
    return types.User(
        id=user.id,
        is_self=viewer is user or None,
        bot=user.bot or None,
        bot_info_version=1 if user.bot else None,
        first_name=user.name,
        username=user.username,
        phone=user.phone if viewer is user else None,
        access_hash=world.access_hash(viewer or user, user),
    )


def find_channel(world: World, viewer: User, peer: Any, *, member: bool = False) -> SimChannel:
    """Return the channel that an InputChannel or InputPeerChannel means, if the viewer may read it.

    Refuses as Telegram does: CHANNEL_INVALID for an unknown id or wrong access hash, CHANNEL_PRIVATE where the viewer
    has no business, USER_NOT_PARTICIPANT where `member` is asked for, PEER_ID_INVALID for other peers.
    """
    if not isinstance(peer, (types.InputChannel, types.InputPeerChannel)):
        raise RpcError(400, "PEER_ID_INVALID")
    channel = world.channels.get(peer.channel_id)
    if channel is None or peer.access_hash != world.access_hash(viewer, channel):
        raise RpcError(400, "CHANNEL_INVALID")
    inside = viewer.id in channel.members
    if channel.gone or viewer.id in channel.banned or not (channel.public or inside):
        raise RpcError(406, "CHANNEL_PRIVATE")
    if member and not inside:
        raise RpcError(400, "USER_NOT_PARTICIPANT")
    return channel


def find_user(world: World, viewer: User, peer: Any) -> User:
    """Return the user that an InputUser or InputPeerUser means; refuses a wrong access hash with USER_ID_INVALID."""
    if isinstance(peer, (types.InputUserSelf, types.InputPeerSelf)):
        return viewer
    user = world.users.get(getattr(peer, "user_id", 0))
    if user is None or (user is not viewer and peer.access_hash != world.access_hash(viewer, user)):
        raise RpcError(400, "USER_ID_INVALID")
    return user
