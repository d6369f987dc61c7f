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
        """Return the rules that meet `subject`, each with its evidence; a rule that crashes is left out and counted.

        A post on which every one of several rules crashes is to blame itself: then no rule is counted, and the crash
        is raised.
        """
        try:
            met = self._index.match(subject)
        except Exception:  # which rule it was is found now
            answers = [(key, _asked(watched, subject)) for key, watched in self._rules.items()]
            crashes = [(key, answer) for key, answer in answers if isinstance(answer, Exception)]
            if len(crashes) == len(answers) > 1:
                raise
            for key, crash in crashes:
                self._strike(key, item, crash)
            met = [(key, answer) for key, answer in answers if isinstance(answer, Evidence)]
        watched = [(self._rules[rule], evidence) for rule, evidence in met if rule in self._rules]
        return tuple((each.rule, evidence) for each, evidence in watched if each.concerns(subject.channel))

    def met_before(self, item: WorkItem, source: Source, met: Sequence[tuple[decide.Rule, Evidence]]) -> frozenset[int]:
        """Return which of the rules the text before the edit met too."""
        if item.text_before is None or not met:
            return frozenset()
        subject = Subject(item.text_before, source)
        before = set()
        for rule, _ in met:
            answer = _asked(self._rules[rule.id], subject) if rule.id in self._rules else None
            if isinstance(answer, Exception):
                self._strike(rule.id, item, answer)
            elif answer is not None:
                before.add(rule.id)
        return frozenset(before)

    def _strike(self, key: int, item: WorkItem, crash: Exception) -> None:
        """Count a crash of a rule, and leave the rule out from the fifth on."""
        self.strikes[key] += 1
        name = self._rules[key].rule.name
        log.error("rule_crashed", rule=name, channel=item.channel, message=item.message_id, exc_info=crash)
        if self.strikes[key] >= STRIKES:
            log.error("rule_disabled", rule=name, remedy="correct the rule and reload")
            del self._rules[key]
            self._index = self._indexed()

    def _indexed(self) -> RuleIndex[int]:
        return RuleIndex([(key, watched.query) for key, watched in self._rules.items()])


def _asked(watched: WatchedRule, subject: Subject) -> Evidence | Exception | None:
    """Return a rule's answer, or the exception that it crashed with."""
    try:
        return watched.query.evaluate(subject)
    except Exception as crash:
        return crash
