"""Matches and mentions: that a revision met a rule, where in its text, and which places it speaks of."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from channelwatch.clock import iso

if TYPE_CHECKING:
    from channelwatch.query.evaluate import Evidence


class Match(NamedTuple):
    """A rule met by a revision, to be written."""

    rule_id: int
    post_id: int
    revision: int
    evidence: "Evidence"


def add(connection: sqlite3.Connection, matches: Iterable[Match], now: datetime) -> list[int]:
    """Write matches with their mentions; return ``matches.id`` in the same order.

    What was written before stays as it is, and its id is returned: repeating a pass doubles nothing.
    """
    ids = []
    for match in matches:
        spans = [[span.start, span.end, span.term] for span in match.evidence.spans]
        connection.execute(
            """
            INSERT INTO matches (rule_id, post_id, revision, spans, matched_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (rule_id, post_id, revision) DO NOTHING
            """,
            (match.rule_id, match.post_id, match.revision, msgspec.json.encode(spans).decode(), iso(now)),
        )
        ids.append(
            connection.execute(
                "SELECT id FROM matches WHERE rule_id = ? AND post_id = ? AND revision = ?",
                (match.rule_id, match.post_id, match.revision),
            ).fetchone()[0]
        )
        connection.executemany(
            """
            INSERT INTO mentions (post_id, revision, start, end, text, place, region, lat, lon, strength, reasons)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (post_id, revision, start, end, region) DO NOTHING
            """,
            [
                (
                    match.post_id,
                    match.revision,
                    mention.start,
                    mention.end,
                    mention.text,
                    mention.place,
                    mention.region,
                    mention.lat,
                    mention.lon,
                    mention.strength,
                    msgspec.json.encode(mention.reasons).decode(),
                )
                for mention in match.evidence.mentions
            ],
        )
    return ids
