"""Requests about the service and the account: config, users."""

from typing import TYPE_CHECKING, Any

from telethon.tl import functions, types

from channelwatch.simulator.entities import find_user, user_of
from channelwatch.simulator.rpc import RpcError, rpc

if TYPE_CHECKING:
    from channelwatch.simulator.server import DataCentre
    from channelwatch.simulator.session import Session


@rpc(functions.help.GetConfigRequest, needs_login=False)
async def get_config(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Name the data centres of this world."""
    now = dc.now()
    return types.Config(
        date=now,
        expires=now + 3600,
        test_mode=False,
        this_dc=dc.dc_id,
        dc_options=[types.DcOption(known.dc_id, known.host, known.port) for known in dc.world.centres.values()],
        dc_txt_domain_name="localhost",
        chat_size_max=200,
        megagroup_size_max=200_000,
        forwarded_count_max=100,
        online_update_period_ms=120_000,
        offline_blur_timeout_ms=5_000,
        offline_idle_timeout_ms=30_000,
        online_cloud_timeout_ms=300_000,
        notify_cloud_delay_ms=30_000,
        notify_default_delay_ms=1_500,
        push_chat_period_ms=60_000,
        push_chat_limit=2,
        edit_time_limit=172_800,
        revoke_time_limit=2**31 - 1,
        revoke_pm_time_limit=2**31 - 1,
        rating_e_decay=2_419_200,
        stickers_recent_limit=200,
        channels_read_media_period=604_800,
        call_receive_timeout_ms=20_000,
        call_ring_timeout_ms=90_000,
        call_connect_timeout_ms=30_000,
        call_packet_timeout_ms=10_000,
        me_url_prefix="https://t.me/",
        caption_length_max=1_024,
        message_length_max=4_096,
        webfile_dc_id=dc.dc_id,
    )


@rpc(functions.help.GetNearestDcRequest, needs_login=False)
async def get_nearest_dc(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Name this data centre."""
    return types.NearestDc("XX", dc.dc_id, dc.dc_id)


@rpc(functions.help.GetAppConfigRequest, needs_login=False)
async def get_app_config(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return an empty configuration."""
    return types.help.AppConfig(0, types.JsonObject([]))


@rpc(functions.users.GetUsersRequest)
async def get_users(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return users; one that can't be found comes as UserEmpty."""
    viewer = session.viewer
    answer = []
    for peer in request.id:
        try:
            answer.append(user_of(dc.world, viewer, find_user(dc.world, viewer, peer)))
        except RpcError:
            answer.append(types.UserEmpty(getattr(peer, "user_id", 0)))
    return answer


@rpc(functions.users.GetFullUserRequest)
async def get_full_user(dc: "DataCentre", session: "Session", request: Any) -> Any:
    """Return one user in full."""
    viewer = session.viewer
    user = find_user(dc.world, viewer, request.id)
    full = types.UserFull(user.id, types.PeerSettings(), types.PeerNotifySettings(), 0)
    return types.users.UserFull(full, [], [user_of(dc.world, viewer, user)])
