"""When a hole is asked for again, and when an empty answer is believed.

An id that a sweep did not see is either nothing (deleted, never published) or a post that shows up late. Late
ones were seen to appear within seconds in tests; the schedule waits an hour before it believes.
"""

DELAYS = (5.0, 60.0, 600.0, 3600.0)
"""Seconds to wait before each ask."""

OLD = 3600.0
"""Where the newer neighbour was published longer ago than this (seconds), one empty answer is enough."""

BATCH = 100
"""Ids in one channels.getMessages call; Telegram's own limit is 200, history pages have 100."""


def next_ask(asks: int, age: float) -> float | None:
    """Return how many seconds to wait before the next ask, or None when the hole is certified empty.

    `asks` counts the asks answered with "nothing" so far; `age` is how many seconds ago the newer neighbour
    was published.
    """
    if age >= OLD:
        return 0.0 if asks == 0 else None
    return DELAYS[asks] if asks < len(DELAYS) else None
