"""The line to Telegram: what the watch may ask, in our own words.

Only raw requests are used. `iter_messages` stops silently at a page that overlaps or is empty, and the server's
``min_id`` can return nothing for low ids: neither is ever used here.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from telethon.tl import functions, types

from channelwatch.clock import Clock, SystemClock
from channelwatch.config.model import Secrets, TelegramConfig
from channelwatch.errors import ChannelGone, LoginNeeded, TelegramError
from channelwatch.post import ChannelInfo, Page, Post, Unreadable
from channelwatch.telegram import answers, convert
from channelwatch.telegram.keyfile import Key
from channelwatch.telegram.names import ChannelName, unknown_id
from channelwatch.telegram.supervisor import Supervisor

log = logging.getLogger(__name__)

PAGE = 100
"""Messages in one page: Telegram never gives more."""
HISTORY = "messages.getHistory"
MESSAGES = "channels.getMessages"
DIALOGS = "messages.getDialogs"
FOLLOW_UPS = 50
"""Extra calls that one page full of unreadable messages may cost before it counts as a broken line."""


class Peer(Protocol):
    """What a channel is addressed by."""

    @property
    def id(self) -> int:
        """The bare channel id."""
        ...

    @property
    def access_hash(self) -> int:
        """The account's own hash for it."""
        ...


class Place(NamedTuple):
    """A place in a history: so many messages older than `offset_id` (negative: newer), as getHistory counts."""

    offset_id: int
    add_offset: int


async def _at_once(method: str) -> None:
    """Let a follow-up call go at once."""


class Line:
    """One supervised connection. Every call has a deadline and raises only errors of ``errors.py``.

    Set the callbacks before `run`; they are called on the event loop and must be quick:
    `on_push(post)` a new or edited post of a channel in `watched`; `on_deleted(channel_id, ids)`;
    `on_touched(channel_id or None)` something may be waiting there (None = anywhere); `on_reconnected()` a line
    stands (again), pushes were missed; `on_lost(error)` the login is gone.
    """

    def __init__(
        self,
        key: Key,
        config: TelegramConfig,
        secrets: Secrets,
        clock: Clock | None = None,
        *,
        turn: Callable[[str], Awaitable[None]] = _at_once,
        **times: Any,
    ) -> None:
        """Prepare; `run` connects. `turn(method)` is awaited before each follow-up call; `times`: see Supervisor."""
        self.supervisor = Supervisor(key, config, secrets, clock or SystemClock(), **times)
        self.supervisor.on_updates = self._updates
        self.supervisor.on_connected = self._connected
        self.supervisor.on_lost = self._lost
        self.turn = turn
        self.watched: set[int] = set()
        self.on_push: Callable[[Post], None] = lambda post: None
        self.on_deleted: Callable[[int, tuple[int, ...]], None] = lambda channel_id, ids: None
        self.on_touched: Callable[[int | None], None] = lambda channel_id: None
        self.on_reconnected: Callable[[], None] = lambda: None
        self.on_lost: Callable[[LoginNeeded], None] = lambda error: None

    @property
    def state(self) -> str:
        """Return ``connecting``, ``up``, ``down`` or ``login needed``; `supervisor` has since when and why."""
        return self.supervisor.state

    async def run(self) -> None:
        """Keep the line up until cancelled; see `Supervisor.run`."""
        await self.supervisor.run()

    async def up(self) -> None:
        """Return once the line stands; raise LoginNeeded when it never will."""
        await self.supervisor.up()

    # -- reading --------------------------------------------------------------------------------------------------

    async def history(self, channel: Peer, *, above: int, limit: int = PAGE) -> Page:
        """Return the oldest posts above an id, at most `limit`; nothing between them and `above` is left out."""
        return await self._history(channel, offset_id=above + 1, add_offset=-limit, limit=limit, above=above)

    async def history_below(self, channel: Peer, *, below: int | None, limit: int = PAGE) -> Page:
        """Return the newest posts below an id (None = the newest of all), at most `limit`."""
        return await self._history(channel, offset_id=below or 0, add_offset=0, limit=limit, above=0)

    async def top(self, channel: Peer) -> int:
        """Return the newest message id of a channel; 0 where it has none."""
        return (await self.history_below(channel, below=None, limit=1)).top or 0

    async def by_ids(self, channel: Peer, ids: Sequence[int]) -> Page:
        """Ask for messages by id; those that the server says hold nothing are in ``empty``."""
        gathered = _Gathered(channel.id)
        rest = list(ids)
        for call in range(FOLLOW_UPS):
            if not rest:
                break
            if call:
                await self.turn(MESSAGES)
            answer = await self._ask(
                answers.ByIds(
                    types.InputChannel(channel.id, channel.access_hash),
                    [types.InputMessageID(number) for number in rest],
                ),
                MESSAGES,
            )
            gathered.take(answer)
            if answer.cut is None:
                break
            # Answers stand in the order asked, so the place tells the id even where the message does not.
            at = len(answer.messages)
            number = answer.cut.message_id or (rest[at] if at < len(rest) else None)
            if number is None:
                break
            gathered.unreadable[number] = answer.cut.error
            rest = [one for one in rest[at + 1 :] if one != number]
        return gathered.page()

    async def _history(self, channel: Peer, *, offset_id: int, add_offset: int, limit: int, above: int) -> Page:
        """Read a page; around each message that can't be read, ask for what lies behind it."""
        gathered = _Gathered(channel.id)
        peer = types.InputPeerChannel(channel.id, channel.access_hash)
        for call in range(FOLLOW_UPS):
            if call:
                await self.turn(HISTORY)
            request = answers.History(
                peer,
                offset_id=offset_id,
                offset_date=None,
                add_offset=add_offset,
                limit=limit,
                max_id=0,
                min_id=0,
                hash=0,
            )
            answer = await self._ask(request, HISTORY)
            gathered.take(answer)
            cut = answer.cut
            if cut is None:
                return gathered.page(above)
            number = cut.message_id
            if number is None:
                after = Place(offset_id, add_offset + len(answer.messages) + 1)
                number = await self._find(channel, peer, after, above, min(gathered.ids, default=0))
            gathered.unreadable[number] = cut.error
            if not cut.left or number <= above + 1:
                return gathered.page(above)
            # A page goes from new to old: what is left unread lies below the message that can't be read.
            offset_id, add_offset, limit = number, 0, cut.left
        raise TelegramError(f"{HISTORY}: a page of channel {channel.id} holds too much that can't be read")

    async def _find(self, channel: Peer, peer: Any, after: Place, floor: int, upper: int) -> int:
        """Find the id of a message of which not even the head could be read.

        `after` is the place behind it in the history; the message there bounds it below, `upper` (0 = unknown) above.
        Between them every id is asked for, and the one that fails is it.
        """
        await self.turn(HISTORY)
        request = answers.History(peer, after.offset_id, None, after.add_offset, 1, 0, 0, 0)
        below = await self._ask(request, HISTORY)
        lower = below.messages[0][0].id if below.messages else floor
        if upper <= lower:  # the newest of its page: nothing bounds it above
            upper = lower + 10 * PAGE
        for first in range(lower + 1, min(upper, lower + 10 * PAGE), PAGE):
            await self.turn(MESSAGES)
            page = await self.by_ids(channel, range(first, min(first + PAGE, upper)))
            if page.unreadable:
                return page.unreadable[0].message_id
        raise TelegramError(f"{HISTORY}: a message of channel {channel.id} can't be read, nor its id be found")

    # -- channels -------------------------------------------------------------------------------------------------

    async def resolve(self, name: ChannelName) -> ChannelInfo:
        """Look a channel up, by name with Telegram or by id among the account's own chats. Raises ChannelGone."""
        if name.name is None:
            for known in await self.chats():
                if known.id == name.id:
                    return known
            raise unknown_id(name)
        answer = await self._ask(functions.contacts.ResolveUsernameRequest(name.name), "contacts.resolveUsername")
        wanted = getattr(answer.peer, "channel_id", None)
        for chat in answer.chats:
            info = convert.channel_info(chat)
            if info is not None and info.id == wanted:
                return info
        raise ChannelGone(f"{name} is not a channel", remedy="give the name of a channel, not of a person or a bot")

    async def infos(self, channels: Iterable[Peer]) -> list[ChannelInfo]:
        """Return what up to 100 channels are now; one that can't be read any more is left out."""
        return await self._infos([types.InputChannel(one.id, one.access_hash) for one in channels])

    async def _infos(self, ids: list[Any]) -> list[ChannelInfo]:
        answer = await self._ask(functions.channels.GetChannelsRequest(ids), "channels.getChannels")
        return [info for chat in answer.chats if (info := convert.channel_info(chat)) is not None]

    async def join(self, channel: Peer) -> None:
        """Join a channel, so that its pushes come."""
        await self._ask(
            functions.channels.JoinChannelRequest(types.InputChannel(channel.id, channel.access_hash)),
            "channels.joinChannel",
        )

    async def chats(self) -> list[ChannelInfo]:
        """Return every channel that the account is in: one call per 100 chats of any kind."""
        found: dict[int, ChannelInfo] = {}
        met: set[tuple[str, int]] = set()
        date: datetime | None = None
        offset_id, peer = 0, types.InputPeerEmpty()
        while True:
            if met:
                await self.turn(DIALOGS)
            request = functions.messages.GetDialogsRequest(date, offset_id, peer, PAGE, 0)
            answer = await self._ask(request, DIALOGS)
            for chat in answer.chats:
                if (info := convert.channel_info(chat)) is not None:
                    found[info.id] = info
            before = len(met)
            met.update(_key(dialog.peer) for dialog in answer.dialogs)
            if len(answer.dialogs) < PAGE or len(met) == before:
                return list(found.values())
            last = answer.dialogs[-1]
            offset_id = last.top_message
            date = next((m.date for m in answer.messages if m.id == offset_id and m.peer_id == last.peer), date)
            peer = _input_peer(last.peer, answer) or peer

    async def folder(self, name: str) -> list[ChannelInfo]:
        """Return the channels of one of the account's chat folders. Raises ChannelGone naming those that exist."""
        answer = await self._ask(functions.messages.GetDialogFiltersRequest(), "messages.getDialogFilters")
        folders = {}
        for one in getattr(answer, "filters", answer):
            title = getattr(one, "title", None)
            if title is not None:
                folders[getattr(title, "text", title)] = one
        folder = next((one for title, one in folders.items() if title.casefold() == name.strip().casefold()), None)
        if folder is None:
            known = ", ".join(sorted(folders)) or "none"
            raise ChannelGone(f"there is no folder {name!r}", remedy=f"the account's folders: {known}")
        ids = [
            types.InputChannel(peer.channel_id, peer.access_hash)
            for peer in [*folder.pinned_peers, *folder.include_peers]
            if isinstance(peer, types.InputPeerChannel)
        ]
        found: list[ChannelInfo] = []
        for start in range(0, len(ids), PAGE):
            found.extend(await self._infos(ids[start : start + PAGE]))
        return found

    async def server_time(self) -> datetime:
        """Return the server's clock."""
        config = await self._ask(functions.help.GetConfigRequest(), "help.getConfig")
        date: datetime = config.date
        return date

    async def _ask(self, request: Any, method: str) -> Any:
        return await self.supervisor.ask(request, method)

    def _connected(self) -> None:
        self.on_reconnected()

    def _lost(self, error: LoginNeeded) -> None:
        self.on_lost(error)

    # -- pushes ---------------------------------------------------------------------------------------------------

    def _updates(self, updates: Any) -> None:
        """Take what Telethon received, before its own update loop; each update alone, so that none spoils another."""
        inner = getattr(updates, "updates", None)
        if inner is None:
            one = getattr(updates, "update", None)
            if one is None:
                if isinstance(updates, types.UpdatesTooLong):
                    self.on_touched(None)
                return
            inner = [one]
        for update in inner:
            try:
                self._update(update)
            except Exception:
                log.exception("an update could not be taken; the next sweep reads what it was about")

    def _update(self, update: Any) -> None:
        if isinstance(update, types.UpdateNewChannelMessage | types.UpdateEditChannelMessage):
            message = update.message
            channel_id = getattr(message.peer_id, "channel_id", None)
            if channel_id in self.watched and not isinstance(message, types.MessageEmpty):
                self.on_push(convert.post(message, channel_id))
        elif isinstance(update, types.UpdateDeleteChannelMessages):
            if update.channel_id in self.watched:
                self.on_deleted(update.channel_id, tuple(update.messages))
        elif isinstance(update, types.UpdateChannelTooLong | types.UpdateChannel) and update.channel_id in self.watched:
            self.on_touched(update.channel_id)


def _key(peer: Any) -> tuple[str, int]:
    """Return what tells a peer of any kind from every other."""
    return type(peer).__name__, next(iter(vars(peer).values()))


def _input_peer(peer: Any, answer: Any) -> Any:
    """Return how the peer of a dialog is addressed, or None where the answer does not say."""
    if isinstance(peer, types.PeerChat):
        return types.InputPeerChat(peer.chat_id)
    if isinstance(peer, types.PeerUser):
        hashes = {user.id: user.access_hash for user in answer.users}
        known = hashes.get(peer.user_id)
        return None if known is None else types.InputPeerUser(peer.user_id, known)
    hashes = {chat.id: getattr(chat, "access_hash", None) for chat in answer.chats}
    known = hashes.get(peer.channel_id)
    return None if known is None else types.InputPeerChannel(peer.channel_id, known)


class _Gathered:
    """A page in the making, from one answer or several."""

    def __init__(self, channel_id: int) -> None:
        self.channel_id = channel_id
        self.posts: dict[int, Post] = {}
        self.empty: set[int] = set()
        self.unreadable: dict[int, str] = {}
        self.channel: ChannelInfo | None = None

    @property
    def ids(self) -> set[int]:
        """Every id met so far."""
        return self.posts.keys() | self.unreadable.keys()

    def take(self, answer: answers.Answer) -> None:
        """Add what one answer holds."""
        for message, raw in answer.messages:
            if isinstance(message, types.MessageEmpty):
                self.empty.add(message.id)
            else:
                self.posts[message.id] = convert.post(message, self.channel_id, raw)
        for chat in answer.chats:
            if getattr(chat, "id", None) == self.channel_id:
                self.channel = convert.channel_info(chat) or self.channel

    def page(self, above: int = 0) -> Page:
        """Return it, without what lies at or below `above`."""
        numbers = self.ids
        return Page(
            posts=tuple(self.posts[number] for number in sorted(self.posts) if number > above),
            empty=tuple(sorted(self.empty)),
            unreadable=tuple(
                Unreadable(number, error) for number, error in sorted(self.unreadable.items()) if number > above
            ),
            top=max(numbers) if numbers else None,
            channel=self.channel,
        )
