"""The rules in force as the filter pass asks them: all at once, and one by one when one of them crashes."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import structlog

from channelwatch.alerts import decide
from channelwatch.archive.work import WorkItem
from channelwatch.query import Evidence, Query, RuleIndex, Source, Subject

log = structlog.get_logger(__name__)

STRIKES = 5
"""Posts on which a rule may crash before it is left out until the rules are loaded again."""


class WatchedRule(msgspec.Struct, frozen=True):
    """One rule in force: what it asks, and when and where it rings."""

    rule: decide.Rule
    query: Query
    channels: frozenset[str | int] | None = None
    """What the channels that it is limited to are known by: ids, names and aliases in lower case; None = all."""

    def concerns(self, source: Source) -> bool:
        """Tell whether the rule asks about a channel; past names count."""
        if self.channels is None:
            return True
        names = (source.name, source.alias, *source.past_names)
        return source.id in self.channels or any(name and name.casefold() in self.channels for name in names)


class Book:
    """A set of rules that knows which of its rules crash."""

    def __init__(self, rules: Sequence[WatchedRule]) -> None:
        """Index the rules' queries."""
        self.strikes: Counter[int] = Counter()
        """Rule id → posts it crashed on."""
        self._rules = {watched.rule.id: watched for watched in rules}
        self._index = self._indexed()

    def match(self, subject: Subject, item: WorkItem) -> tuple[tuple[decide.Rule, Evidence], ...]:
        """Return the rules that meet `subject`, each with its evidence; a rule that crashes is left out and counted."""
        try:
            met = self._index.match(subject)
        except Exception:  # which rule it was is found now
            each = [(rule, self._one(rule, subject, item)) for rule in list(self._rules)]
            met = [(rule, evidence) for rule, evidence in each if evidence is not None]
        watched = [(self._rules[rule], evidence) for rule, evidence in met if rule in self._rules]
        return tuple((each.rule, evidence) for each, evidence in watched if each.concerns(subject.channel))

    def met_before(self, item: WorkItem, source: Source, met: Sequence[tuple[decide.Rule, Evidence]]) -> frozenset[int]:
        """Return which of the rules the text before the edit met too."""
        if item.text_before is None or not met:
            return frozenset()
        subject = Subject(item.text_before, source)
        return frozenset(rule.id for rule, _ in met if self._one(rule.id, subject, item) is not None)

    def _one(self, key: int, subject: Subject, item: WorkItem) -> Evidence | None:
        """Ask one rule; count it when it crashes, and leave it out from the fifth time on."""
        watched = self._rules[key]
        try:
            return watched.query.evaluate(subject)
        except Exception:
            self.strikes[key] += 1
            log.exception("rule_crashed", rule=watched.rule.name, channel=item.channel, message=item.message_id)
        if self.strikes[key] >= STRIKES:
            log.error("rule_disabled", rule=watched.rule.name, remedy="correct the rule and reload")
            del self._rules[key]
            self._index = self._indexed()
        return None

    def _indexed(self) -> RuleIndex[int]:
        return RuleIndex([(key, watched.query) for key, watched in self._rules.items()])
