"""A world of posts in virtual time, and the smallest archive that keeps the ledger's rules."""

from datetime import UTC, datetime, timedelta
from random import Random

from channelwatch.intake import holes
from channelwatch.intake.ledger import account
from channelwatch.post import Page, Post

BIRTH = datetime(2023, 5, 22, tzinfo=UTC)


class Channel:
    """Ids with posts, each visible from some second on, and ids that never hold anything."""

    def __init__(self, random: Random, length: int, *, late: float, absent: float) -> None:
        self.published: dict[int, float] = {}
        self.visible_from: dict[int, float] = {}
        moment = 0.0
        for number in range(1, length + 1):
            moment += random.expovariate(1 / 3)
            if random.random() >= absent:
                self.published[number] = moment
                self.visible_from[number] = moment + (random.uniform(0, 900) if random.random() < late else 0)
        self.end = moment

    def visible(self, now: float) -> list[int]:
        return sorted(number for number, since in self.visible_from.items() if since <= now)

    def post(self, number: int) -> Post:
        date = BIRTH + timedelta(seconds=self.published[number])
        return Post(channel_id=1, message_id=number, date=date, text=f"{number}")

    def above(self, mark: int, now: float, limit: int) -> Page:
        found = [number for number in self.visible(now) if number > mark][:limit]
        return Page(posts=tuple(self.post(number) for number in found), top=max(found, default=None))

    def by_ids(self, ids: list[int], now: float) -> Page:
        seen = set(self.visible(now))
        return Page(
            posts=tuple(self.post(number) for number in ids if number in seen),
            empty=tuple(number for number in ids if number not in seen),
        )


class Archive:
    """Stored posts, a mark and holes: what the real one does, in twenty lines."""

    def __init__(self, start: int) -> None:
        self.start = self.mark = start
        self.top = start
        self.stored: set[int] = set()
        self.empty: set[int] = set()
        self.open: dict[int, tuple[int, float]] = {}
        """id → (asks, next ask)"""

    @property
    def holds(self) -> bool:
        """The equation: every id in (start, mark] is accounted for exactly once."""
        below = {number for number in self.stored if self.start < number <= self.mark}
        parts = len(below) + len(self.empty) + len(self.open)
        return parts == self.mark - self.start and not (below & self.empty) and not (below & self.open.keys())

    def store(self, numbers: list[int]) -> None:
        for number in numbers:
            self.stored.add(number)
            self.open.pop(number, None)
            self.empty.discard(number)

    def push(self, number: int) -> None:
        self.store([number])
        self.top = max(self.top, number)

    def sweep(self, channel: Channel, now: float, limit: int) -> bool:
        page = channel.above(self.mark, now, limit)
        told = account(self.mark, page, top=self.top, limit=limit)
        self.store([post.message_id for post in told.posts])
        for skipped in told.skipped:
            age = now - (skipped.since - BIRTH).total_seconds() if skipped.since else 0.0
            for number in range(skipped.first, skipped.last + 1):
                if number not in self.stored:
                    self.open[number] = (0, now + (holes.next_ask(0, age) or 0.0))
        self.mark = told.mark
        self.top = max(self.top, told.mark)
        return told.caught_up

    def ask(self, channel: Channel, now: float) -> None:
        due = [number for number, (_, moment) in self.open.items() if moment <= now][: holes.BATCH]
        page = channel.by_ids(due, now)
        self.store([post.message_id for post in page.posts])
        for number in page.empty:
            asks, _ = self.open[number]
            newer = min((other for other in self.stored if other > number), default=None)
            wait = holes.next_ask(asks + 1, now - channel.published[newer] if newer else 0.0)
            if wait is None:
                del self.open[number]
                self.empty.add(number)
            else:
                self.open[number] = (asks + 1, now + wait)
