"""WORLD.toml: a world and a timed script, read with every problem named, and played against a DataCentre.

::

    seed = 1                                # ids, hashes and dice follow from it

    [[users]]
    phone = "+99966001"                     # what you log in with
    password = "secret"                     # optional: the 2FA password
    joined = ["border_news"]                # channels that push to this account
    folders = [{title = "War", channels = ["border_news"]}]

    [[bots]]
    token = "1000001:any-text"
    name = "desk_bot"

    [[channels]]
    name = "border_news"
    title = "Border news"
    public = true                           # false: no username, readable by members only
    first_id = 100
    history = "posts.jsonl"                 # optional: rows with text, date, message_id …; see World.load

    [[events]]                              # in any order; played by `at`
    at = -3600                              # seconds from the start; below 0 = history, there before anyone looks
    do = "post"
    id = "claim"                            # a name that later events use as `of`
    channel = "border_news"
    text = "Козинка: слышны взрывы"

    [[events]]
    at = 5.5
    do = "edit"
    of = "claim"
    text = "Козинка: взрывов больше нет"

Every `do` and its fields: the classes of ``script``; docs/simulator.md lists them for people.
"""

import asyncio
import json
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from channelwatch.errors import ConfigError, Problem
from channelwatch.simulator import messages
from channelwatch.simulator.faults import check_action
from channelwatch.simulator.script import Album, AnyEvent, Delete, Down, Event, Fault, Forward, Mark, Post, Scene
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, World


class FolderSpec(msgspec.Struct, forbid_unknown_fields=True):
    """A folder of an account."""

    title: str
    channels: list[str]


class UserSpec(msgspec.Struct, forbid_unknown_fields=True):
    """``[[users]]``."""

    phone: str
    password: str | None = None
    name: str = "User"
    username: str | None = None
    joined: list[str] = []
    folders: list[FolderSpec] = []


class BotSpec(msgspec.Struct, forbid_unknown_fields=True):
    """``[[bots]]``."""

    token: str
    name: str = "bot"
    joined: list[str] = []
    chats: tuple[int, ...] = (1001,)
    """Chats that the bot may write to through the Bot API; above 0 a person, below a group."""


class ChannelSpec(msgspec.Struct, forbid_unknown_fields=True):
    """``[[channels]]``."""

    name: str
    title: str | None = None
    public: bool = True
    first_id: int = 1
    history: str | None = None
    """A JSON-lines file beside the WORLD.toml."""


_TABLES: dict[str, Any] = {"users": UserSpec, "bots": BotSpec, "channels": ChannelSpec, "events": AnyEvent}


class Scenario:
    """A checked script; `world` is built, history included once a data centre is made by `open`."""

    def __init__(
        self,
        world: World,
        channels: dict[str, SimChannel],
        events: list[Event],
        bots: list[BotSpec],
        seed: int,
    ) -> None:
        """Use `read`."""
        self.world = world
        self.channels = channels
        self.events = events
        self.bots = bots
        self.seed = seed

    @property
    def seconds(self) -> float:
        """Return how long the script is at speed 1."""
        return max((event.at for event in self.events), default=0.0)

    @classmethod
    def read(cls, path: Path, *, clock: Any = None) -> "Scenario":
        """Read a WORLD.toml; raises ConfigError with every problem."""
        return cls.parse(path.read_text("utf-8"), file=path, clock=clock)

    @classmethod
    def parse(cls, text: str, *, file: Path = Path("WORLD.toml"), clock: Any = None) -> "Scenario":
        """Read the text of a WORLD.toml; `file` is named in errors, and `history` files are sought beside it."""
        problems: list[Problem] = []

        def wrong(path: str, message: str, remedy: str = "") -> None:
            problems.append(Problem(file.name, path, message, remedy))

        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError([Problem(file.name, "", f"not TOML: {error}")]) from None
        seed = raw.pop("seed", 0)
        if not isinstance(seed, int):
            wrong("seed", "must be a whole number")
            seed = 0
        specs: dict[str, list[Any]] = {name: [] for name in _TABLES}
        for name, rows in raw.items():
            if name not in _TABLES:
                wrong(name, "unknown key", f"known are seed, {', '.join(_TABLES)}")
                continue
            for number, row in enumerate(rows if isinstance(rows, list) else []):
                try:
                    specs[name].append(msgspec.convert(row, _TABLES[name]))
                except msgspec.ValidationError as error:
                    wrong(f"{name}[{number}]", str(error).replace("`$.", "`"))
        world = World(seed, clock=clock)
        channels = _build(world, specs, file, wrong)
        events: list[Event] = sorted(specs["events"], key=lambda event: event.at)
        if not problems:
            _check(events, channels, world, wrong)
        if problems:
            raise ConfigError(problems)
        return cls(world, channels, events, specs["bots"], seed)

    def open(self, *, port: int = 0, speed: float = 1.0, **settings: Any) -> "Performance":
        """Make the data centre (not started) with its history, ready to be played."""
        dc = DataCentre(self.world, port=port, seed=self.seed, **settings)
        scene = Scene(dc, self.channels, speed)
        past = [event for event in self.events if event.at < 0]
        for event in past:
            event.run(scene)
        return Performance(scene, [event for event in self.events if event.at >= 0])


class Performance:
    """A script being played on a data centre (`dc`)."""

    def __init__(self, scene: Scene, events: list[Event]) -> None:
        """Use ``Scenario.open``."""
        self.dc = scene.dc
        self.scene = scene
        self.events = events

    async def play(
        self,
        *,
        on_mark: Callable[[str], Awaitable[None]] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """Play the events at their times; the data centre must be running. Returns after the last one.

        Raises ValueError, naming the event, when one can't be done.
        `on_mark` is awaited at every ``mark`` (the script waits for it); `on_event` hears of each event after it
        was done.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        for event in self.events:
            if self.scene.speed:
                await asyncio.sleep(max(0.0, start + event.at / self.scene.speed - loop.time()))
            else:
                await asyncio.sleep(0)
            if isinstance(event, Down):
                await self.dc.stop()
                await asyncio.sleep(event.seconds / self.scene.speed if self.scene.speed else 0)
                await self.dc.start()
            else:
                self._run(event)
            if on_event:
                on_event(event)
            if isinstance(event, Mark) and on_mark:
                before = loop.time()
                await on_mark(event.id)
                start += loop.time() - before

    def _run(self, event: Event) -> None:
        try:
            event.run(self.scene)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{_where(event)}: {error}") from error


Wrong = Callable[..., None]


def _build(world: World, specs: dict[str, list[Any]], file: Path, wrong: Wrong) -> dict[str, SimChannel]:
    channels: dict[str, SimChannel] = {}
    for number, spec in enumerate(specs["channels"]):
        where = f"channels[{number}]"
        if spec.name in channels:
            wrong(where, f"the name {spec.name!r} is there twice")
            continue
        try:
            channels[spec.name] = world.add_channel(spec.name, spec.title, public=spec.public, first_id=spec.first_id)
            if spec.history:
                lines = (file.parent / spec.history).read_text("utf-8").splitlines()
                world.load(channels[spec.name], [json.loads(line) for line in lines if line.strip()])
        except (ValueError, OSError, KeyError) as error:
            wrong(where, f"{type(error).__name__}: {error}")

    def known(where: str, names: list[str]) -> list[SimChannel]:
        for name in names:
            if name not in channels:
                wrong(where, f"unknown channel {name!r}", "add it to [[channels]]")
        return [channels[name] for name in names if name in channels]

    for number, spec in enumerate(specs["users"]):
        where = f"users[{number}]"
        try:
            user = world.add_user(spec.phone, spec.password, name=spec.name, username=spec.username)
        except ValueError as error:
            wrong(where, str(error))
            continue
        for channel in known(f"{where}.joined", spec.joined):
            world.join(user, channel)
        user.folders = [(folder.title, known(f"{where}.folders", folder.channels)) for folder in spec.folders]
    for number, spec in enumerate(specs["bots"]):
        try:
            bot = world.add_bot(spec.token, spec.name)
        except ValueError as error:
            wrong(f"bots[{number}].token", str(error))
            continue
        for channel in known(f"bots[{number}].joined", spec.joined):
            world.join(bot.user, channel)
    return channels


def _where(event: Event) -> str:
    return f"events (at = {event.at:g}, do = {event.__struct_config__.tag!r})"


def _check(events: list[Event], channels: dict[str, SimChannel], world: World, wrong: Wrong) -> None:
    """Name every event that refers to something that is not there (yet)."""
    posts: set[str] = set()
    for event in events:
        where = _where(event)
        for name in event.names():
            if name not in channels:
                wrong(where, f"unknown channel {name!r}", "add it to [[channels]]")
        for name in event.needs():
            if name not in posts:
                wrong(where, f"no post {name!r} before it", "give an earlier post this id; deleted ones don't count")
        if isinstance(event, Delete):
            posts.discard(event.of)
        phone = getattr(event, "user", None)
        if phone and world.user_by_phone(phone) is None:
            wrong(where, f"no user {phone!r}", "add it to [[users]]")
        if isinstance(event, (Post, Album, Forward)) and event.id:
            posts.add(event.id)
        try:
            if isinstance(event, Fault):
                check_action(event.action)
            if isinstance(event, Post):
                messages.entities(event.text, event.entities)
            kinds = event.media if isinstance(event, Album) else [getattr(event, "media", None)]
            for kind in kinds:
                if kind:
                    messages.media(kind, 1)
        except (ValueError, TypeError, IndexError) as error:
            wrong(where, str(error))
