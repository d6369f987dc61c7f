"""What is asked and answered: the few methods that a watch and a login need, by Telegram's method pages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import functions, types

from tests.other_server.world import Account, Channel


class Refused(Exception):
    """An rpc_error: a code and a name."""

    def __init__(self, code: int, name: str) -> None:
        """``Refused(400, "PHONE_CODE_INVALID")``."""
        super().__init__(f"{code} {name}")
        self.code, self.name = code, name


class Desk:
    """Answers requests about one small world; who asks with which key is known by the key's id."""

    def __init__(self, dc_id: int, account: Account, channels: list[Channel]) -> None:
        """`dc_id` is what the server says of itself."""
        self.dc_id = dc_id
        self.account = account
        self.channels = channels
        self.logged_in: set[int] = set()
        """Ids of the keys that belong to the account."""
        self.asked: dict[str, int] = {}
        """How often each method was asked for, by the name of its class."""
        self.address = ("127.0.0.1", 0)
        self._methods: dict[type, Callable[[int, Any], Any]] = {
            functions.help.GetConfigRequest: self._config,
            functions.auth.SendCodeRequest: self._send_code,
            functions.auth.SignInRequest: self._sign_in,
            functions.users.GetUsersRequest: self._users,
            functions.updates.GetStateRequest: self._state,
            functions.updates.GetDifferenceRequest: self._difference,
            functions.contacts.ResolveUsernameRequest: self._resolve,
            functions.channels.GetChannelsRequest: self._get_channels,
            functions.channels.JoinChannelRequest: self._join,
            functions.channels.GetMessagesRequest: self._by_ids,
            functions.messages.GetDialogsRequest: self._dialogs,
            functions.messages.GetHistoryRequest: self._history,
        }

    def answer(self, key_id: int, request: Any) -> Any:
        """Return a TL object, or a list where the answer is a bare vector; raises Refused."""
        name = type(request).__name__.removesuffix("Request")
        self.asked[name] = self.asked.get(name, 0) + 1
        method = self._methods.get(type(request))
        if method is None:
            raise Refused(400, "METHOD_INVALID")
        open_to_all = isinstance(
            request,
            functions.help.GetConfigRequest | functions.auth.SendCodeRequest | functions.auth.SignInRequest,
        )
        if not open_to_all and key_id not in self.logged_in:
            raise Refused(401, "AUTH_KEY_UNREGISTERED")
        return method(key_id, request)

    @property
    def strange(self) -> set[str]:
        """What was asked for that is not served here."""
        known = {kind.__name__.removesuffix("Request") for kind in self._methods}
        return set(self.asked) - known

    def _config(self, _key: int, _request: Any) -> Any:
        now = datetime.now(UTC)
        host, port = self.address
        numbers = dict.fromkeys(_CONFIG_NUMBERS, 1000)
        return types.Config(
            date=now,
            expires=now + timedelta(hours=1),
            test_mode=False,
            this_dc=self.dc_id,
            dc_options=[types.DcOption(self.dc_id, host, port)],
            dc_txt_domain_name="localhost",
            me_url_prefix="https://t.me/",
            webfile_dc_id=self.dc_id,
            **numbers,
        )

    def _send_code(self, _key: int, request: Any) -> Any:
        if request.phone_number.lstrip("+") != self.account.phone:
            raise Refused(400, "PHONE_NUMBER_INVALID")
        return types.auth.SentCode(types.auth.SentCodeTypeApp(len(self.account.code)), "one-time")

    def _sign_in(self, key: int, request: Any) -> Any:
        if (request.phone_code_hash, request.phone_code) != ("one-time", self.account.code):
            raise Refused(400, "PHONE_CODE_INVALID")
        self.logged_in.add(key)
        return types.auth.Authorization(self.account.tl())

    def _users(self, _key: int, request: Any) -> Any:
        return [
            self.account.tl() if isinstance(one, types.InputUserSelf) else types.UserEmpty(getattr(one, "user_id", 0))
            for one in request.id
        ]

    def _state(self, _key: int, _request: Any) -> Any:
        return types.updates.State(pts=1, qts=0, date=datetime.now(UTC), seq=0, unread_count=0)

    def _difference(self, _key: int, _request: Any) -> Any:
        return types.updates.DifferenceEmpty(date=datetime.now(UTC), seq=0)  # Telethon asks once at every connect

    def _resolve(self, _key: int, request: Any) -> Any:
        found = next((one for one in self.channels if one.name.lower() == request.username.lower()), None)
        if found is None:
            raise Refused(400, "USERNAME_NOT_OCCUPIED")
        return types.contacts.ResolvedPeer(types.PeerChannel(found.id), [found.tl(self.account)], [])

    def _get_channels(self, _key: int, request: Any) -> Any:
        return types.messages.Chats([self._channel(one).tl(self.account) for one in request.id])

    def _dialogs(self, _key: int, _request: Any) -> Any:
        joined = [one for one in self.channels if self.account.id in one.members]
        return types.messages.Dialogs(
            dialogs=[_dialog(one) for one in joined],
            messages=[one.posts[max(one.posts)] for one in joined],
            chats=[one.tl(self.account) for one in joined],
            users=[],
        )

    def _join(self, _key: int, request: Any) -> Any:
        channel = self._channel(request.channel)
        channel.members.add(self.account.id)
        return self.news(channel, types.UpdateChannel(channel.id))

    def _history(self, _key: int, request: Any) -> Any:
        channel = self._channel(request.peer)
        return self._messages(channel, channel.page(request.offset_id, request.add_offset, request.limit))

    def _by_ids(self, _key: int, request: Any) -> Any:
        channel = self._channel(request.channel)
        numbers = [one.id for one in request.id]
        return self._messages(
            channel,
            [
                channel.posts.get(number) or types.MessageEmpty(number, types.PeerChannel(channel.id))
                for number in numbers
            ],
        )

    def _messages(self, channel: Channel, messages: list[Any]) -> Any:
        return types.messages.ChannelMessages(
            pts=channel.pts,
            count=len(channel.posts),
            messages=messages,
            topics=[],
            chats=[channel.tl(self.account)],
            users=[],
        )

    def _channel(self, peer: Any) -> Channel:
        for one in self.channels:
            if one.id == getattr(peer, "channel_id", None) and one.access_hash == peer.access_hash:
                return one
        raise Refused(400, "CHANNEL_INVALID")

    def news(self, channel: Channel, update: Any) -> Any:
        """Return an update as it is pushed."""
        return types.Updates([update], [], [channel.tl(self.account)], datetime.now(UTC), 0)


def _dialog(channel: Channel) -> types.Dialog:
    return types.Dialog(
        peer=types.PeerChannel(channel.id),
        top_message=max(channel.posts),
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=0,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=types.PeerNotifySettings(),
        pts=channel.pts,
    )


_CONFIG_NUMBERS = (
    "chat_size_max",
    "megagroup_size_max",
    "forwarded_count_max",
    "online_update_period_ms",
    "offline_blur_timeout_ms",
    "offline_idle_timeout_ms",
    "online_cloud_timeout_ms",
    "notify_cloud_delay_ms",
    "notify_default_delay_ms",
    "push_chat_period_ms",
    "push_chat_limit",
    "edit_time_limit",
    "revoke_time_limit",
    "revoke_pm_time_limit",
    "rating_e_decay",
    "stickers_recent_limit",
    "channels_read_media_period",
    "call_receive_timeout_ms",
    "call_ring_timeout_ms",
    "call_connect_timeout_ms",
    "call_packet_timeout_ms",
    "caption_length_max",
    "message_length_max",
)
"""What a config holds besides, and nobody here reads."""
