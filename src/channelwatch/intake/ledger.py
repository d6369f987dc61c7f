"""What an ascending page of history means: posts, the new mark, the ids that it skipped.

The mark moves only to an id that the server has shown, and every id on the way that it did not show becomes a
hole. So nothing is ever passed over in silence: over ids in (start, mark], stored + purged + certified empty +
quarantined + open holes = mark − start.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from channelwatch.post import Page, Post, Unreadable


class Skipped(msgspec.Struct, frozen=True):
    """A stretch of ids, both ends included, that a page did not show.

    `since` is when the next newer post was published, or None where none is known: the older it is, the less
    likely an id is merely late.
    """

    first: int
    last: int
    since: datetime | None = None


class Account(msgspec.Struct, frozen=True):
    """What to write in one transaction, and whether the sweep has caught up."""

    posts: tuple[Post, ...]
    mark: int
    skipped: tuple[Skipped, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    caught_up: bool = False
    """False: more may be waiting above the new mark; ask for the next page at once."""


def account(mark: int, page: Page, *, top: int | None = None, limit: int = 100) -> Account:
    """Return what an ascending page above `mark`, asked for with `limit`, means.

    `top` is the newest id known from elsewhere (a push, a dialog). An empty page ends the sweep only where `top`
    agrees. Where it does not, everything up to `top` becomes a hole: it will be asked for by id.

    A page may start below the mark (to see edits); only the rest of it is room for news. News that fill less than
    half of that room end the sweep as well, where they reach `top`: a full page is sometimes cut short, never by so
    much. Stopping early can cost lag, never a post, since the mark covers only what was seen.
    """
    posts = tuple(post for post in page.posts if post.message_id > mark)
    unreadable = tuple(one for one in page.unreadable if one.message_id > mark)
    dates = {post.message_id: post.date for post in posts}
    seen = sorted(dates.keys() | {one.message_id for one in unreadable})
    skipped = list(_gaps(mark, seen, dates))
    reached = seen[-1] if seen else mark
    known = len(page.posts) + len(page.unreadable) - len(seen)
    room = max(limit - known, 1)
    if not seen and top is not None and top > mark and known < limit:
        return Account(posts=(), mark=top, skipped=(Skipped(mark + 1, top),), caught_up=True)
    agrees = top is None or top <= reached
    return Account(
        posts=posts,
        mark=reached,
        skipped=tuple(skipped),
        unreadable=unreadable,
        caught_up=agrees and len(seen) * 2 < room,
    )


def _gaps(mark: int, seen: Iterable[int], dates: dict[int, datetime]) -> Iterable[Skipped]:
    expected = mark + 1
    for number in seen:
        if number > expected:
            yield Skipped(expected, number - 1, dates.get(number))
        expected = number + 1


def runs(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Return ascending ids as stretches, both ends included."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(ids)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
