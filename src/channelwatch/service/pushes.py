"""Pushes wait here between Telethon, which must not wait, and the archive's writer; their order is kept."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from channelwatch.errors import ArchiveBusy, ArchiveError
from channelwatch.post import Post

log = structlog.get_logger(__name__)


class Pushes:
    """A queue of pushed posts and deletions, kept in batches.

    `keep(posts)` and `keep_deletion(channel_id, ids)` store them; `lost()` is called when they could not be stored: the
    history has what they were about.
    """

    def __init__(
        self,
        keep: Callable[[list[Post]], Awaitable[None]],
        keep_deletion: Callable[[int, tuple[int, ...]], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        """Start empty."""
        self._keep = keep
        self._keep_deletion = keep_deletion
        self._lost = lost
        self._events: deque[Post | tuple[int, tuple[int, ...]]] = deque()
        self._event = asyncio.Event()
        self._flushing = asyncio.Lock()

    def pushed(self, post: Post) -> None:
        """Take a new or edited post."""
        self._events.append(post)
        self._event.set()

    def deleted(self, channel_id: int, ids: tuple[int, ...]) -> None:
        """Take a deletion."""
        self._events.append((channel_id, ids))
        self._event.set()

    async def run(self) -> None:
        """Keep what comes as it comes, until cancelled."""
        while True:
            await self._event.wait()
            try:
                await self.flush()
            except ArchiveBusy as error:
                log.debug("pushes wait for the archive; the sweeps will read them", reason=str(error))
                await asyncio.sleep(1.0)
            except ArchiveError as error:
                log.warning("pushes could not be stored; the sweeps will read them", reason=str(error))
                await asyncio.sleep(1.0)
            except Exception:
                log.exception("pushes could not be stored; the sweeps will read them")

    async def flush(self) -> None:
        """Keep what has come so far, in its order. Raises ArchiveError."""
        async with self._flushing:
            self._event.clear()
            events, self._events = self._events, deque()
            together: list[Post] = []
            try:
                for event in events:
                    if isinstance(event, Post):
                        together.append(event)
                        continue
                    if together:
                        await self._keep(together)
                    together = []
                    await self._keep_deletion(*event)
                if together:
                    await self._keep(together)
            except BaseException:
                self._lost()
                raise
