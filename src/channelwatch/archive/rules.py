"""Rules as dated versions, so that a match can name the query that it met even after the rule changed."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

import msgspec

from channelwatch.clock import from_iso, iso
from channelwatch.config.model import RuleConfig, Severity


class RuleVersion(msgspec.Struct, frozen=True):
    """One row of ``rules`` that is in force."""

    id: int
    name: str
    version: int
    query: str
    severity: Severity
    outlets: tuple[str, ...]
    channels: tuple[str, ...]
    max_age: float | None
    since: datetime
    """Since when this version is in force."""
    asked_since: datetime
    """Since when the rule asks this query of these channels; a change of severity, outlets or age keeps it."""


class _Policy(msgspec.Struct):
    outlets: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    max_age: float | None = None


def sync(connection: sqlite3.Connection, configs: Sequence[RuleConfig], now: datetime) -> list[RuleVersion]:
    """Make the rows agree with the config and return the rules in force, in the config's order.

    A new or changed rule begins a version; what it was before, and a rule that is gone, ends now. Nothing is deleted.
    """
    standing = {rule.name: rule for rule in in_force(connection)}
    wanted = {config.name: config for config in configs}
    for name, rule in standing.items():
        if name not in wanted or not _same(rule, wanted[name]):
            connection.execute("UPDATE rules SET until = ? WHERE id = ?", (iso(now), rule.id))
    for name, config in wanted.items():
        if name not in standing or not _same(standing[name], config):
            policy = _Policy(config.outlets, config.channels, config.max_age)
            connection.execute(
                """
                INSERT INTO rules (name, version, query, severity, policy, since)
                VALUES (?1, 1 + (SELECT coalesce(max(version), 0) FROM rules WHERE name = ?1), ?2, ?3, ?4, ?5)
                """,
                (name, config.query, config.severity, msgspec.json.encode(policy).decode(), iso(now)),
            )
    order = {name: place for place, name in enumerate(wanted)}
    return sorted(in_force(connection), key=lambda rule: order[rule.name])


def in_force(connection: sqlite3.Connection) -> list[RuleVersion]:
    """Return the rules in force, by name."""
    asked: dict[str, tuple[tuple[str, tuple[str, ...]], str, str | None]] = {}
    found = []
    for row in connection.execute(
        "SELECT id, name, version, query, severity, policy, since, until FROM rules ORDER BY name, version"
    ):
        rowid, name, version, query, severity, packed, since, until = row
        policy = msgspec.json.decode(packed, type=_Policy)
        question = (query, policy.channels)
        before, asked_since, ended = asked.get(name, (None, since, None))
        if before != question or ended != since:  # another question, or the rule was away in between
            asked_since = since
        asked[name] = (question, asked_since, until)
        if until is None:
            found.append(
                RuleVersion(
                    id=rowid,
                    name=name,
                    version=version,
                    query=query,
                    severity=severity,
                    outlets=policy.outlets,
                    channels=policy.channels,
                    max_age=policy.max_age,
                    since=from_iso(since),
                    asked_since=from_iso(asked_since),
                )
            )
    return found


def _same(rule: RuleVersion, config: RuleConfig) -> bool:
    return (rule.query, rule.severity, rule.outlets, rule.channels, rule.max_age) == (
        config.query,
        config.severity,
        config.outlets,
        config.channels,
        config.max_age,
    )
