"""The simulated world: users, bots, channels and their posts. Telegram's rules about it are in the handlers."""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from random import Random
from typing import Any

from channelwatch.clock import Clock, SystemClock, from_iso
from channelwatch.simulator import messages
from channelwatch.simulator.messages import SimPost
from channelwatch.simulator.wire import Key

USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,30}[A-Za-z0-9]")
"""What Telegram takes for a username (https://core.telegram.org/method/account.checkUsername)."""


@dataclass(eq=False)
class User:
    """An account; `bot` accounts log in with a token."""

    id: int
    phone: str | None = None
    password: str | None = None
    bot: bool = False
    name: str = "User"
    username: str | None = None
    folders: list[tuple[str, list["SimChannel"]]] = field(default_factory=list)
    slots: dict[str, Any] = field(default_factory=dict)
    """Free for other modules."""


@dataclass(eq=False)
class Bot:
    """A bot: its token and the account behind it."""

    token: str
    id: int
    name: str
    user: User


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a channel's pts log: `pts` after it; `kind` is ``new``, ``edit`` or ``delete``."""

    pts: int
    kind: str
    ids: tuple[int, ...]
    at: int
    """Unix time."""


@dataclass(eq=False)
class SimChannel:
    """A broadcast channel."""

    id: int
    name: str | None
    title: str
    public: bool
    created: int
    top: int = 0
    """The highest id ever given out."""
    gone: bool = False
    posts: dict[int, SimPost] = field(default_factory=dict)
    """Every post there ever was, deleted ones too."""
    more_names: list[str] = field(default_factory=list)
    """Further usernames (bought ones); with any, Telegram gives the whole list and no single username."""
    ids: list[int] = field(default_factory=list)
    """Ids of the living posts, ascending."""
    hidden: dict[int, float] = field(default_factory=dict)
    """Ids that are not visible yet, with the monotonic second when they will be."""
    members: set[int] = field(default_factory=set)
    banned: set[int] = field(default_factory=set)
    pts: int = 1
    log: list[Step] = field(default_factory=list)
    log_start: int = 1
    """The pts before the first line of the log; who is further behind gets "too long"."""

    def visible(self, now: float) -> list[int]:
        """Return the ids that can be seen at the monotonic second `now`, ascending (don't change the list)."""
        if not self.hidden:
            return self.ids
        for message_id in [key for key, until in self.hidden.items() if until <= now]:
            del self.hidden[message_id]
        if not self.hidden:
            return self.ids
        return [message_id for message_id in self.ids if message_id not in self.hidden]

    def sees(self, message_id: int, now: float) -> bool:
        """Tell whether a living post is visible."""
        post = self.posts.get(message_id)
        return post is not None and not post.deleted and self.hidden.get(message_id, now) <= now

    def after(self, pts: int) -> list[Step]:
        """Return the log lines after a pts."""
        return self.log[bisect_right(self.log, pts, key=lambda step: step.pts) :]

    def write(self, kind: str, ids: tuple[int, ...], at: int) -> Step:
        """Add a line to the log; the pts moves on by the number of ids."""
        self.pts += len(ids)
        step = Step(self.pts, kind, ids, at)
        self.log.append(step)
        return step


class World:
    """Everything that outlives a data centre's process: accounts, keys, channels.

    Ids, access hashes and pre-shared keys follow from `seed` alone.
    """

    def __init__(self, seed: int = 0, *, clock: Clock | None = None, max_channels: int = 500) -> None:
        """`max_channels`: how many one account may join (Telegram: 500, 1000 with Premium)."""
        self.seed = seed
        self.clock: Clock = clock or SystemClock()
        self.max_channels = max_channels
        self.random = Random(seed)
        self.users: dict[int, User] = {}
        self.bots: dict[str, Bot] = {}
        self.channels: dict[int, SimChannel] = {}
        self.keys: dict[int, Key] = {}
        self.centres: dict[int, Any] = {}
        """The data centres that serve this world, by id, as they were last started."""
        self.slots: dict[str, Any] = {}
        """Free for other modules: login codes, QR tokens."""
        self._names: dict[str, SimChannel | User] = {}

    def now(self) -> int:
        """Return the world's Unix time."""
        return int(self.clock.now().timestamp())

    # Accounts

    def add_user(
        self, phone: str | None = None, password: str | None = None, *, name: str = "User", username: str | None = None
    ) -> User:
        """Add an account; `phone` as typed at login (only its digits count)."""
        user = User(5_000_000_001 + len(self.users), phone and re.sub(r"\D", "", phone), password, name=name)
        self.users[user.id] = user
        if username:
            self._take_name(username, user)
            user.username = username
        return user

    def add_bot(self, token: str, name: str) -> Bot:
        """Add a bot; its id is the number before the colon of its token."""
        head, colon, secret = token.partition(":")
        if not (colon and head.isdigit() and secret):
            raise ValueError(f"a bot token looks like 123456:ABC…, not {token!r}")
        if int(head) in self.users:
            raise ValueError(f"the id {head} is taken")
        user = User(int(head), bot=True, name=name)
        self.users[user.id] = user
        bot = self.bots[token] = Bot(token, user.id, name, user)
        return bot

    def user_by_phone(self, phone: str) -> User | None:
        """Return the account with a phone number, however it is spelled."""
        digits = re.sub(r"\D", "", phone)
        return next((user for user in self.users.values() if user.phone == digits), None)

    def preshared_key(self, user: User) -> bytes:
        """Return a new 256-byte authorisation key that is logged in as `user` already."""
        random = Random(f"{self.seed}/key/{user.id}/{len(self.keys)}")
        key = Key(bytes([random.randrange(1, 256)]) + random.randbytes(255))
        key.user = user
        self.keys[key.id] = key
        return key.data

    def access_hash(self, user: User, thing: "SimChannel | User") -> int:
        """Return the access hash of a channel or user as one account sees it."""
        digest = sha256(f"{self.seed}/{user.id}/{thing.id}".encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)

    # Channels

    def add_channel(
        self, name: str | None, title: str | None = None, *, public: bool = True, first_id: int = 1
    ) -> SimChannel:
        """Add a channel; its first post gets `first_id`. A private one has no username, `name` is then its title."""
        channel_id = 1_500_000_000 + 7 * len(self.channels) + self.random.randrange(7)
        channel = SimChannel(
            channel_id, None, title or name or f"Channel {channel_id}", public, self.now() - 86400, first_id - 1
        )
        if public:
            if name is None:
                raise ValueError("a public channel needs a name")
            self._take_name(name, channel)
            channel.name = name
        self.channels[channel.id] = channel
        return channel

    def join(self, user: User, channel: SimChannel) -> None:
        """Make a user a member."""
        channel.members.add(user.id)

    def leave(self, user: User, channel: SimChannel) -> None:
        """Undo `join`."""
        channel.members.discard(user.id)

    def ban(self, user: User, channel: SimChannel) -> None:
        """Throw a user out for good."""
        self.leave(user, channel)
        channel.banned.add(user.id)

    def rename(self, channel: SimChannel, name: str | None) -> None:
        """Give a channel another username (None: make it private); the old one is free afterwards."""
        if name is not None:
            self._take_name(name, channel)
        if channel.name and channel.name.lower() != (name or "").lower():
            del self._names[channel.name.lower()]
        channel.name, channel.public = name, name is not None

    def add_name(self, channel: SimChannel, name: str) -> None:
        """Give a public channel a further username."""
        self._take_name(name, channel)
        channel.more_names.append(name)

    def remove(self, channel: SimChannel) -> None:
        """Delete a channel; whoever asks for it is told that it is private or invalid."""
        if channel.name:
            del self._names[channel.name.lower()]
            channel.name = None
        for name in channel.more_names:
            del self._names[name.lower()]
        channel.more_names.clear()
        channel.gone = True
        channel.members.clear()

    def by_name(self, name: str) -> "SimChannel | User | None":
        """Return who has a username."""
        return self._names.get(name.lower())

    def channel(self, name: str) -> SimChannel:
        """Return a channel by username or title; raises KeyError."""
        for channel in self.channels.values():
            if name in (channel.name, channel.title):
                return channel
        raise KeyError(name)

    def joined(self, user: User) -> list[SimChannel]:
        """Return the channels that a user is a member of."""
        return [channel for channel in self.channels.values() if user.id in channel.members]

    def _take_name(self, name: str, owner: "SimChannel | User") -> None:
        if not USERNAME.fullmatch(name):
            raise ValueError(f"not a username: {name!r}")
        if self._names.get(name.lower(), owner) is not owner:
            raise ValueError(f"the username {name!r} is taken")
        self._names[name.lower()] = owner

    # Posts

    def add_post(self, channel: SimChannel, post: SimPost) -> None:
        """Put a post (its id is still free) into a channel, without a log line."""
        if post.id in channel.posts or post.id < 1:
            raise ValueError(f"{channel.title}: id {post.id} is taken")
        channel.posts[post.id] = post
        if post.id > channel.top:
            channel.ids.append(post.id)
            channel.top = post.id
        else:
            insort(channel.ids, post.id)

    def drop_post(self, channel: SimChannel, message_id: int) -> SimPost:
        """Delete a post; raises KeyError where none lives."""
        post = channel.posts[message_id]
        if post.deleted:
            raise KeyError(message_id)
        post.deleted = True
        del channel.ids[bisect_left(channel.ids, message_id)]
        return post

    def load(self, channel: SimChannel, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Put a whole history into a channel, without pushes; return the ids in the order of the rows.

        A row has ``text`` and may have ``message_id``, ``date`` (datetime, Unix time or ISO text; without an
        offset it is UTC), ``edited``, ``views``, ``forwards``, ``media``, ``album``, ``reply_to``, ``entities``.
        A row without an id, or with one that is taken, gets the next free id after the row before it.
        """
        rows = list(rows)
        wanted = {row["message_id"] for row in rows if row.get("message_id")} | channel.posts.keys()
        last, ids, given = channel.top, [], set(channel.posts)
        for row in rows:
            message_id = row.get("message_id") or 0
            if not message_id or message_id in given:
                message_id = last + 1
                while message_id in wanted or message_id in given:
                    message_id += 1
            last = message_id
            given.add(message_id)
            ids.append(message_id)
            self.add_post(
                channel,
                SimPost(
                    message_id,
                    unix(row.get("date"), self.now()),
                    row["text"],
                    edited=unix(row["edited"], 0) if row.get("edited") else 0,
                    views=row.get("views"),
                    forwards=row.get("forwards"),
                    media=messages.media(row["media"], message_id) if row.get("media") else None,
                    album=row.get("album"),
                    reply_to=row.get("reply_to"),
                    entities=messages.entities(row["text"], row.get("entities") or ()),
                ),
            )
        channel.pts += len(ids)
        channel.log_start = channel.pts
        channel.log.clear()
        return ids

    def listing(self, channel: SimChannel) -> list[tuple[int, str, bool]]:
        """Return the truth for checkers: (message id, text, deleted) of every post there ever was, by id."""
        return [(post.id, post.text, post.deleted) for _, post in sorted(channel.posts.items())]


def unix(moment: datetime | float | str | None, default: int) -> int:
    """Return a Unix time; text is ISO 8601, without an offset UTC."""
    if moment is None:
        return default
    if isinstance(moment, str):
        moment = from_iso(moment)
    return int(moment.timestamp() if isinstance(moment, datetime) else moment)
