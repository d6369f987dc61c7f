"""Search: the index proposes posts, the query's own evaluator decides, newest first."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from channelwatch.archive import channels
from channelwatch.clock import from_iso
from channelwatch.post import post_url
from channelwatch.query.subject import Source, Subject

if TYPE_CHECKING:
    from channelwatch.query.compile import Query
    from channelwatch.query.evaluate import Evidence

_LENT_SECONDS = 60
"""A second that is full lends ids from those behind it; so far above `until` an id may still belong to it."""

_SCAN = """
    SELECT p.id, p.channel_id, p.message_id, p.date, p.text, p.edited, p.views, p.media, p.missing_since
    FROM posts p WHERE p.id >= :first AND p.id < :last AND (:channel IS NULL OR p.channel_id = :channel)
    ORDER BY p.id DESC
"""
_MATCH = """
    SELECT p.id, p.channel_id, p.message_id, p.date, p.text, p.edited, p.views, p.media, p.missing_since
    FROM posts_fts f JOIN posts p ON p.id = f.rowid
    WHERE f.posts_fts MATCH :match AND f.rowid >= :first AND f.rowid < :last
      AND (:channel IS NULL OR p.channel_id = :channel)
    ORDER BY f.rowid DESC
"""


class Hit(msgspec.Struct, frozen=True):
    """A post that the query finds."""

    id: int
    """``posts.id``."""
    channel: str
    """Alias, else name, else title."""
    channel_id: int
    message_id: int
    date: datetime
    url: str
    text: str
    edited: datetime | None
    views: int | None
    media: str | None
    missing_since: datetime | None
    evidence: "Evidence"


def source(channel: channels.Channel, past_names: tuple[str, ...]) -> Source:
    """Return what queries may ask of a channel."""
    return Source(
        id=channel.id,
        name=channel.name,
        past_names=past_names,
        alias=channel.alias,
        tags=channel.tags,
        group=channel.group,
        home=channel.home,
    )


def search(
    connection: sqlite3.Connection,
    query: "Query",
    *,
    limit: int | None = 20,
    since: datetime | None = None,
    until: datetime | None = None,
    channel: int | None = None,
) -> list[Hit]:
    """Return the newest posts that `query` finds, newest first; exactly those that its evaluator accepts.

    `since` is inclusive, `until` exclusive, `channel` a channel id, `limit` None for all.
    """
    return list(islice(hits(connection, query, since=since, until=until, channel=channel), limit))


def hits(
    connection: sqlite3.Connection,
    query: "Query",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    channel: int | None = None,
) -> Iterator[Hit]:
    """Do the same one by one; the connection is in a read transaction until the last."""
    from channelwatch.query.fts import fts_candidates

    match = fts_candidates(query)
    bounds = {
        "first": int(since.timestamp()) << 20 if since else 0,
        "last": (ceil((until + timedelta(seconds=_LENT_SECONDS)).timestamp()) << 20) if until else 2**63 - 1,
        "channel": channel,
        "match": match,
    }
    rows = connection.execute(_SCAN if match is None else _MATCH, bounds)  # first: a post's channel is known then
    past = channels.past_names(connection)
    known = {one.id: (source(one, past.get(one.id, ())), one) for one in channels.every(connection)}
    for rowid, channel_id, message_id, written, text, edited, views, media, missing_since in rows:
        date = from_iso(written)
        if (since and date < since) or (until and date >= until):
            continue
        asked, channel_row = known[channel_id]
        evidence = query.evaluate(Subject(text, asked))
        if evidence is None:
            continue
        yield Hit(
            id=rowid,
            channel=channel_row.label,
            channel_id=channel_id,
            message_id=message_id,
            date=date,
            url=post_url(channel_row.name, channel_id, message_id),
            text=text,
            edited=from_iso(edited) if edited else None,
            views=views,
            media=media,
            missing_since=from_iso(missing_since) if missing_since else None,
            evidence=evidence,
        )
