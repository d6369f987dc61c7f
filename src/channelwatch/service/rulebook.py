"""The rules in force: versioned in the archive, compiled against the gazetteer, limited to channels."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from channelwatch.alerts import decide
from channelwatch.archive import rules
from channelwatch.config.channel_names import channel_key
from channelwatch.config.model import RuleConfig
from channelwatch.places import Gazetteer
from channelwatch.query import compile_query
from channelwatch.service.book import WatchedRule


def watched(
    connection: sqlite3.Connection, configs: Sequence[RuleConfig], gazetteer: Gazetteer, now: datetime
) -> list[WatchedRule]:
    """Bring the rule rows in line with the configuration and return what the filter pass needs of each.

    `connection` is the writer's.
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
            channels=_keys(version.channels) if version.channels else None,
        )
        for version in rules.sync(connection, configs, now)
    ]


def _keys(written: Sequence[str]) -> frozenset[str | int]:
    """Return what channels are known by: names and aliases in lower case, ids.

    Not resolved to ids: a channel that becomes known later must meet its rules from its first post on.
    """
    keys: set[str | int] = {name.casefold() for name in written}
    for name in written:
        with suppress(ValueError):  # an alias need not look like a channel
            keys.add(channel_key(name))
    return frozenset(keys)
