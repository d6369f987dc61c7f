"""Decide what becomes of the rules that one revision met: ring, and where, or stay quiet, and why.

Pure. The order of the questions, first answer wins, asked for each rule on its own:

1. Did it come from a backfill or an import? Quiet.
2. Is it older than the rule? Quiet. (An edit is as old as the edit.)
3. Did the text before the edit meet the rule too? Quiet: the edit is no news.
4. Was it older than the rule's ``max_age`` when it reached us? Quiet.
5. Otherwise it rings, marked late past ``alerts.late_after``.

The post rings where any of its rules rings, in the outlets of the rules that ring and that were not told before;
every rule that was met is named.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from channelwatch.config.model import AlertsConfig, Severity
from channelwatch.post import Came

State = Literal["ringing", "quiet"]

_RANK: dict[Severity, int] = {"info": 0, "warning": 1, "critical": 2}
_NEVER: dict[Came, str] = {"backfill": "backfilled: never rings", "import": "imported: never rings"}
DEFAULT_OUTLETS = ("console",)
"""Where a rule rings that names no outlet."""


class Rule(msgspec.Struct, frozen=True):
    """What the decision needs of one rule version."""

    id: int
    name: str
    since: datetime
    """Since when it asks this query; a change of outlets or severity does not make a rule younger."""
    severity: Severity = "warning"
    outlets: tuple[str, ...] = ()
    max_age: float | None = None


class Arrival(msgspec.Struct, frozen=True):
    """One revision as it reached us."""

    came: Came
    date: datetime
    arrived: datetime
    revision: int = 1
    edited: datetime | None = None

    @property
    def moment(self) -> datetime:
        """When its text was written: the edit's time for a later revision, else the post's."""
        return max(self.date, self.edited) if self.revision > 1 and self.edited else self.date


class Decision(msgspec.Struct, frozen=True):
    """What to do about one post; `reason` is for people."""

    state: State
    reason: str
    severity: Severity
    outlets: tuple[str, ...] = ()
    """Where to tell it now; empty when quiet."""


def decide(
    arrival: Arrival,
    rules: Sequence[Rule],
    config: AlertsConfig,
    *,
    before: Collection[int] = (),
    told: Collection[str] | None = None,
) -> Decision:
    """Return what becomes of `arrival`, which met `rules` (one at least).

    `before` holds the ids of rules that the text before the edit met too. `told` names the outlets where this
    post, or another part of its album, rang already (None: it never rang).
    """
    answers = [(rule, _quiet(arrival, rule, config, before)) for rule in rules]
    ringing = [rule for rule, quiet in answers if quiet is None]
    if not ringing:
        return Decision(state="quiet", reason=_reasons(answers), severity=highest(rules))
    wanted = list(dict.fromkeys(name for rule in ringing for name in (rule.outlets or DEFAULT_OUTLETS)))
    outlets = tuple(name for name in wanted if name not in (told or ()))
    if not outlets:
        return Decision(state="quiet", reason="already told", severity=highest(rules))
    reasons = ["edited into a match" if arrival.revision > 1 else "new"]
    if (age := _age(arrival)) > config.late_after:
        verb = "edited" if arrival.revision > 1 else "posted"
        late = f"late: it reached us {span(age)} after it was {verb}"
        reasons = [late] if reasons == ["new"] else [*reasons, late]
    return Decision(state="ringing", reason="; ".join(reasons), severity=highest(ringing), outlets=outlets)


def highest(rules: Sequence[Rule]) -> Severity:
    """Return the highest severity among `rules`."""
    return max((rule.severity for rule in rules), key=_RANK.__getitem__)


def higher(one: Severity, other: Severity) -> Severity:
    """Return the higher of two severities."""
    return max(one, other, key=_RANK.__getitem__)


def span(seconds: float) -> str:
    """Return a length of time as people say it: ``45 s``, ``12 min``, ``6 h``, ``2 h 5 min``, ``3 d 4 h``."""
    left = timedelta(seconds=int(max(0, seconds)))
    minutes, second = divmod(left.seconds, 60)
    hour, minute = divmod(minutes, 60)
    parts = [(left.days, "d"), (hour, "h"), (minute, "min"), (second, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), 3)
    shown = parts[first : first + (1 if first >= 2 else 2)]
    return " ".join(f"{count} {unit}" for count, unit in shown if count) or "0 s"


def _age(arrival: Arrival) -> float:
    return (arrival.arrived - arrival.moment).total_seconds()


def _quiet(arrival: Arrival, rule: Rule, config: AlertsConfig, before: Collection[int]) -> str | None:
    """Return why `rule` stays quiet about it, or None when it rings."""
    if (never := _NEVER.get(arrival.came)) is not None:
        return never
    if arrival.moment < rule.since.replace(microsecond=0):  # Telegram dates posts in whole seconds
        return "older than the rule"
    if rule.id in before:
        return "the text matched before the edit too"
    most = config.max_age if rule.max_age is None else rule.max_age
    return f"older than {span(most)} when it reached us" if _age(arrival) > most else None


def _reasons(answers: Sequence[tuple[Rule, str | None]]) -> str:
    """Return the reasons as one line; each names its rules only where they differ."""
    by_reason: dict[str, list[str]] = {}
    for rule, reason in answers:
        by_reason.setdefault(reason or "", []).append(rule.name)
    if len(by_reason) == 1:
        return next(iter(by_reason))
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())
