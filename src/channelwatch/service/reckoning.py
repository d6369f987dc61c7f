"""The reckoning at the end of a play: the simulator's own list of posts against what the archive holds."""

import sqlite3
from collections import Counter

import msgspec

from channelwatch.archive import ledger
from channelwatch.simulator.world import World


class Reckoning(msgspec.Struct, frozen=True):
    """What is wrong; every list is empty after a good run. Entries read ``channel/message_id``."""

    lost: tuple[str, ...]
    """Visible at the server, promised (backfill included), and not stored."""
    doubled: tuple[str, ...]
    unequal: tuple[str, ...]
    """Stored with another text than the server's."""
    undeleted: tuple[str, ...]
    """Deleted at the server while stored, and not known as missing."""
    unbalanced: tuple[str, ...]
    """Channels whose ledger does not add up."""
    repeated: tuple[str, ...]
    """Alerts delivered more than once to an outlet without need (``alert id/outlet``)."""
    posts: int

    @property
    def good(self) -> bool:
        """Nothing lost, doubled, unequal or told twice, and the books balance.

        A deletion may still be unknown: sweeps find it later.
        """
        return not (self.lost or self.doubled or self.unequal or self.unbalanced or self.repeated)


def reckon(connection: sqlite3.Connection, world: World, *, history: bool) -> Reckoning:
    """Compare; `history` also demands what was there before the watch began (the backfill read it all)."""
    names = {channel.id: channel.name or channel.title for channel in world.channels.values()}
    stored: dict[tuple[int, int], tuple[str, str | None]] = {}
    count: Counter[tuple[int, int]] = Counter()
    for channel_id, message_id, text, missing in connection.execute(
        "SELECT channel_id, message_id, text, missing_since FROM posts"
    ):
        stored[channel_id, message_id] = text, missing
        count[channel_id, message_id] += 1
    starts = dict(connection.execute("SELECT id, start FROM channels WHERE start IS NOT NULL"))
    lost, unequal, undeleted = [], [], []
    for channel in world.channels.values():
        if channel.id not in starts:
            continue
        for message_id, text, deleted in world.listing(channel):
            label = f"{names[channel.id]}/{message_id}"
            found = stored.get((channel.id, message_id))
            if deleted:
                if found is not None and found[1] is None:
                    undeleted.append(label)
            elif found is None:
                if history or message_id > starts[channel.id]:
                    lost.append(label)
            elif found[0] != text:
                unequal.append(label)
    repeated = connection.execute(
        """
        SELECT alert_id || '/' || outlet FROM deliveries WHERE state = 'sent' AND ambiguous = 0
        GROUP BY alert_id, outlet, part HAVING count(*) > 1
        """
    )
    return Reckoning(
        lost=tuple(lost),
        doubled=tuple(f"{names.get(key[0], key[0])}/{key[1]}" for key, times in count.items() if times > 1),
        unequal=tuple(unequal),
        undeleted=tuple(undeleted),
        unbalanced=tuple(book.channel for book in ledger.balance(connection) if not book.holds),
        repeated=tuple(row[0] for row in repeated),
        posts=len(stored),
    )
