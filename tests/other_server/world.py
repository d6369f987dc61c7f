"""What there is to serve: one account, a few channels, their posts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from telethon.tl import types

NAME = "Archivist"


@dataclass
class Account:
    """The one account, and what it logs in with."""

    id: int = 71_000_001
    phone: str = "380440000042"
    code: str = "24680"

    def tl(self) -> types.User:
        """Return it as it sees itself."""
        return types.User(id=self.id, is_self=True, first_name=NAME, phone=self.phone, access_hash=self.id * 31)


@dataclass
class Channel:
    """A broadcast channel; ids that `posts` lacks were deleted, or never published."""

    id: int
    name: str
    title: str
    access_hash: int
    posts: dict[int, types.Message | types.MessageService] = field(default_factory=dict)
    members: set[int] = field(default_factory=set)
    pts: int = 1

    def publish(self, number: int, text: str, date: datetime | None = None) -> types.Message:
        """Add a post; nobody is told."""
        moment = (date or datetime.now(UTC)).replace(microsecond=0)
        post = types.Message(
            id=number,
            peer_id=types.PeerChannel(self.id),
            date=moment,
            message=text,
            post=True,
            views=number * 3,
            forwards=number % 5,
        )
        self.posts[number] = post
        self.pts += 1
        return post

    def tl(self, viewer: Account) -> types.Channel:
        """Return it as the account sees it."""
        return types.Channel(
            id=self.id,
            title=self.title,
            photo=types.ChatPhotoEmpty(),
            date=datetime(2024, 2, 3, tzinfo=UTC),
            broadcast=True,
            left=viewer.id not in self.members,
            username=self.name,
            access_hash=self.access_hash,
        )

    def page(self, offset_id: int, add_offset: int, limit: int) -> list[types.Message | types.MessageService]:
        """Return a page of history, newest first: at most 100 from below `offset_id` (0: the newest), moved."""
        numbers = sorted(self.posts, reverse=True)
        below = next((at for at, number in enumerate(numbers) if number < offset_id), len(numbers)) if offset_id else 0
        first = below + add_offset
        wanted = numbers[max(0, first) : max(0, first + min(limit, 100))]
        return [self.posts[number] for number in wanted]
