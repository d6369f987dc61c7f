"""The rules in force: versioned in the archive, compiled against the gazetteer, limited to channels by id."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from channelwatch.alerts import decide
from channelwatch.archive import channels, rules
from channelwatch.config.model import RuleConfig
from channelwatch.places import Gazetteer
from channelwatch.query import compile_query
from channelwatch.service.filter import WatchedRule


def watched(
    connection: sqlite3.Connection, configs: Sequence[RuleConfig], gazetteer: Gazetteer, now: datetime
) -> list[WatchedRule]:
    """Bring the rule rows in line with the configuration and return what the filter pass needs of each.

    A rule that is limited to channels which are not known yet is limited to those that are; call again when a
    channel becomes known. `connection` is the writer's.
    """
    return [
        WatchedRule(
            rule=decide.Rule(
                id=version.id,
                name=version.name,
                since=version.asked_since,
                severity=version.severity,
                outlets=version.outlets,
                max_age=version.max_age,
            ),
            query=compile_query(version.query, gazetteer=gazetteer),
            channels=_ids(connection, version.channels),
        )
        for version in rules.sync(connection, configs, now)
    ]


def _ids(connection: sqlite3.Connection, written: Sequence[str]) -> frozenset[int] | None:
    if not written:
        return None
    found = (channels.find(connection, name) for name in written)
    return frozenset(channel.id for channel in found if channel is not None)
