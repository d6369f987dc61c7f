"""Ask many queries about a text at once: only those are evaluated that the text may meet.

A query is filed under the forms of one term that it can't do without, the one that texts hold most rarely. Most texts
hold none of all these forms, and are done after one look-up per word. Queries that have no such term (``region:``,
``channel:``) are asked every time. The index only proposes; `Query.evaluate` decides.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

from channelwatch.query.compile import Query
from channelwatch.query.evaluate import AllOf, AnyOf, Begins, Evidence, InARow, Matcher, OneOf
from channelwatch.query.subject import Subject

Key = TypeVar("Key")


class RuleIndex(Generic[Key]):
    """Queries by key, asked together; the answers equal evaluating each of them."""

    def __init__(self, queries: Iterable[tuple[Key, Query]]) -> None:
        """File every query; the order given is the order of the answers."""
        self._queries = list(queries)
        self._by_form: dict[str, list[int]] = {}
        self._by_prefix: dict[str, list[int]] = {}
        self._always: list[int] = []
        self.regions = frozenset(code for _, query in self._queries for code in query.regions)
        for at, (_, query) in enumerate(self._queries):
            handles = _handles(query.matcher)
            if handles is None:
                self._always.append(at)
                continue
            forms, prefixes = handles
            for form in forms:
                self._by_form.setdefault(form, []).append(at)
            for prefix in prefixes:
                self._by_prefix.setdefault(prefix, []).append(at)
        self._forms = frozenset(self._by_form)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})

    def __len__(self) -> int:
        """Count the queries."""
        return len(self._queries)

    def match(self, subject: Subject) -> list[tuple[Key, Evidence]]:
        """Return the key and the evidence of every query that `subject` meets, in the order of the queries."""
        candidates = self._candidates(subject)
        if not candidates:
            return []
        subject.expect(self.regions)
        met = []
        for at in candidates:
            key, query = self._queries[at]
            evidence = query.evaluate(subject)
            if evidence is not None:
                met.append((key, evidence))
        return met

    def _candidates(self, subject: Subject) -> list[int]:
        """Return, in order, every query that the subject may meet, and some that it may not."""
        candidates: set[int] = set(self._always)
        for form in self._forms.intersection(subject.tokens):
            candidates.update(self._by_form[form])
        for length in self._lengths:
            for start in {form[:length] for form in subject.distinct} & self._by_prefix.keys():
                candidates.update(self._by_prefix[start])
        return sorted(candidates)


_Handles = tuple[frozenset[str], frozenset[str]]
"""Forms and prefixes of which a text must hold at least one."""


def _handles(matcher: Matcher) -> _Handles | None:
    """Return the rarest handles of `matcher`, or None where it can be met without any word."""
    if isinstance(matcher, OneOf):
        return matcher.forms, frozenset()
    if isinstance(matcher, Begins):
        return frozenset(), frozenset((matcher.prefix,))
    if isinstance(matcher, AllOf | InARow):
        needed = [handles for part in matcher.parts if (handles := _handles(part)) is not None]
        return min(needed, key=_commonness) if needed else None
    if isinstance(matcher, AnyOf):
        either = [_handles(part) for part in matcher.parts]
        if None in either:
            return None
        some = [handles for handles in either if handles is not None]
        return frozenset().union(*(forms for forms, _ in some)), frozenset().union(*(begin for _, begin in some))
    return None


def _commonness(handles: _Handles) -> float:
    """Guess how often texts hold one of them: a word is the rarer the longer it is, a prefix stands for many words."""
    forms, prefixes = handles
    return sum(4.0 ** -len(form) for form in forms) + sum(20 * 4.0 ** -len(prefix) for prefix in prefixes)
