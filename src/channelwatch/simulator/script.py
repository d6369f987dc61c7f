"""The events of a WORLD.toml: one class per ``do``, its fields as they are written there."""

import msgspec

from channelwatch.simulator.faults import Action
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import SimChannel, User


class Scene:
    """Where events act: the data centre, and the names of the script."""

    def __init__(self, dc: DataCentre, channels: dict[str, SimChannel], speed: float) -> None:
        """`speed` 0 = as fast as it goes."""
        self.dc = dc
        self.channels = channels
        self.speed = speed
        self.posts: dict[str, tuple[SimChannel, int]] = {}
        self.marks: list[str] = []

    def user(self, phone: str | None) -> User:
        """Return the account with a phone number; the first one where none is named."""
        world = self.dc.world
        found = world.user_by_phone(phone) if phone else next(iter(world.users.values()), None)
        if found is None:
            raise KeyError(phone)
        return found


class Event(msgspec.Struct, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """One line of the script."""

    at: float
    """Seconds from the start."""

    def run(self, scene: Scene) -> None:
        """Do it."""

    def names(self) -> list[str]:
        """Return the channels that the event names."""
        channel = getattr(self, "channel", None)
        return [channel] if channel else []

    def needs(self) -> list[str]:
        """Return the posts that the event refers to."""
        return [name for name in (getattr(self, "of", None), getattr(self, "reply_to", None)) if name]


class Post(Event, tag="post"):
    """Publish a post."""

    channel: str
    text: str
    id: str | None = None
    message_id: int | None = None
    date: str | None = None
    """ISO 8601; by default the moment it is played (for history: the start plus `at`)."""
    media: str | None = None
    entities: list[tuple[str | int, ...]] = []
    """``[kind, start, end]`` or ``["text_link", start, end, url]``, in characters of the text."""
    reply_to: str | None = None
    album: int | None = None
    author: str | None = None
    lose: bool = False
    late: float = 0.0
    twice: bool = False
    hidden_for: float = 0.0

    def run(self, scene: Scene) -> None:
        """Publish it."""
        channel = scene.channels[self.channel]
        made = scene.dc.post(
            channel,
            self.text,
            date=self.date or (scene.dc.now() + self.at if self.at < 0 else None),
            message_id=self.message_id,
            album=self.album,
            media=self.media,
            author=self.author,
            entities=self.entities,
            reply_to=scene.posts[self.reply_to][1] if self.reply_to else None,
            lose=self.lose,
            late=self.late,
            twice=self.twice,
            hidden_for=self.hidden_for,
        )
        if self.id:
            scene.posts[self.id] = channel, made


class Album(Event, tag="album"):
    """Publish an album: one part per medium, the text on the first."""

    channel: str
    text: str = ""
    media: tuple[str, ...] = ("photo", "photo")
    id: str | None = None
    """Means the first part."""

    def run(self, scene: Scene) -> None:
        """Publish the parts in one go."""
        channel = scene.channels[self.channel]
        group = scene.dc.random.getrandbits(60) | 1
        date = scene.dc.now() + self.at if self.at < 0 else None
        made = [
            scene.dc.post(channel, "" if number else self.text, album=group, media=kind, date=date)
            for number, kind in enumerate(self.media)
        ]
        if self.id:
            scene.posts[self.id] = channel, made[0]


class Forward(Event, tag="forward"):
    """Forward a post into a channel, with its origin."""

    channel: str
    of: str
    id: str | None = None
    origin: bool = True
    """False: a copy, without a word about where it is from."""

    def run(self, scene: Scene) -> None:
        """Publish the same text and media."""
        source, source_id = scene.posts[self.of]
        channel, original = scene.channels[self.channel], source.posts[source_id]
        made = scene.dc.post(
            channel,
            original.text,
            media=original.media,
            entities=original.entities,
            forward_of=(source, source_id) if self.origin else None,
            date=scene.dc.now() + self.at if self.at < 0 else None,
        )
        if self.id:
            scene.posts[self.id] = channel, made


class Edit(Event, tag="edit"):
    """Change a post's text."""

    of: str
    text: str
    lose: bool = False

    def run(self, scene: Scene) -> None:
        """Edit it."""
        scene.dc.edit(*scene.posts[self.of], self.text, lose=self.lose)


class Delete(Event, tag="delete"):
    """Delete a post."""

    of: str
    lose: bool = False

    def run(self, scene: Scene) -> None:
        """Delete it."""
        scene.dc.delete(*scene.posts[self.of], lose=self.lose)


class React(Event, tag="react"):
    """Set the count of a reaction; arrives as an edit."""

    of: str
    emoji: str
    count: int = 1

    def run(self, scene: Scene) -> None:
        """Set it."""
        scene.dc.react(*scene.posts[self.of], self.emoji, self.count)


class Views(Event, tag="views"):
    """Set the counters of a post."""

    of: str
    views: int
    forwards: int = 0
    replies: int | None = None

    def run(self, scene: Scene) -> None:
        """Set them."""
        scene.dc.views(*scene.posts[self.of], self.views, self.forwards, self.replies)


class Skip(Event, tag="skip"):
    """Leave a hole of ids."""

    channel: str
    count: int = 1

    def run(self, scene: Scene) -> None:
        """Leave it."""
        scene.dc.skip_ids(scene.channels[self.channel], self.count)


class Retitle(Event, tag="retitle"):
    """Change a channel's title (comes with a service message)."""

    channel: str
    title: str

    def run(self, scene: Scene) -> None:
        """Change it."""
        scene.dc.retitle(scene.channels[self.channel], self.title)


class Rename(Event, tag="rename"):
    """Change a channel's username; without `name` it becomes private."""

    channel: str
    name: str | None = None

    def run(self, scene: Scene) -> None:
        """Change it."""
        scene.dc.world.rename(scene.channels[self.channel], self.name)


class Remove(Event, tag="remove"):
    """Delete a channel."""

    channel: str

    def run(self, scene: Scene) -> None:
        """Delete it."""
        scene.dc.world.remove(scene.channels[self.channel])


class Ban(Event, tag="ban"):
    """Throw an account (by phone; the first one) out of a channel."""

    channel: str
    user: str | None = None

    def run(self, scene: Scene) -> None:
        """Throw it out."""
        scene.dc.ban(scene.user(self.user), scene.channels[self.channel])


class Revoke(Event, tag="revoke"):
    """Revoke every key of an account (by phone; the first one): it has to log in again."""

    user: str | None = None

    def run(self, scene: Scene) -> None:
        """Revoke them."""
        scene.dc.log_out(scene.user(self.user))


class Cut(Event, tag="cut"):
    """Drop every line."""

    def run(self, scene: Scene) -> None:
        """Drop them."""
        scene.dc.cut()


class BlackHole(Event, tag="black_hole"):
    """Let nothing through for some seconds; with `for_good` today's lines never work again."""

    seconds: float
    for_good: bool = False

    def run(self, scene: Scene) -> None:
        """Start it."""
        scene.dc.black_hole(self.seconds, for_good=self.for_good)


class Down(Event, tag="down"):
    """Stop the data centre for some seconds, then start it on the same port."""

    seconds: float


class Salt(Event, tag="salt"):
    """Change the server salt."""

    def run(self, scene: Scene) -> None:
        """Change it."""
        scene.dc.salt_change()


class Skew(Event, tag="skew"):
    """Put the server's clock so many seconds ahead (0: right again)."""

    seconds: float

    def run(self, scene: Scene) -> None:
        """Move it."""
        scene.dc.clock_skew = self.seconds


class Fault(Event, tag="fault"):
    """Let calls of a method fail (see ``faults.Action``)."""

    method: str
    action: str | float
    times: int | None = 1
    """0 = every call from now on."""
    probability: float = 1.0

    def run(self, scene: Scene) -> None:
        """Lay it."""
        action: Action = self.action
        scene.dc.fault(self.method, action, times=self.times or None, probability=self.probability)


class Limit(Event, tag="limit"):
    """Allow so many calls of a method in so many seconds; more get FLOOD_WAIT."""

    method: str
    calls: int
    seconds: float

    def run(self, scene: Scene) -> None:
        """Lay it."""
        scene.dc.faults.limit(self.method, self.calls, self.seconds)


class Heal(Event, tag="heal"):
    """Take all faults, limits and chaos away."""

    def run(self, scene: Scene) -> None:
        """Take them away."""
        scene.dc.faults.clear()
        scene.dc.chaos = type(scene.dc.chaos)()


class Chaos(Event, tag="chaos"):
    """Roll dice for every post from now on: the push is lost, late, doubled or reordered, or the id hidden."""

    lose: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    reorder: float = 0.0
    hidden: float = 0.0

    def run(self, scene: Scene) -> None:
        """Set them all."""
        chaos = scene.dc.chaos
        chaos.lose, chaos.late, chaos.twice = self.lose, self.late, self.twice
        chaos.reorder, chaos.hidden = self.reorder, self.hidden


class Mark(Event, tag="mark"):
    """Do nothing but tell whoever plays the script (the demo restarts the daemon at one)."""

    id: str

    def run(self, scene: Scene) -> None:
        """Note it."""
        scene.marks.append(self.id)


AnyEvent = (
    Post | Album | Forward | Edit | Delete | React | Views | Skip | Retitle | Rename | Remove | Ban | Revoke
    | Cut | BlackHole | Down | Salt | Skew | Fault | Limit | Heal | Chaos | Mark
)  # fmt: skip
