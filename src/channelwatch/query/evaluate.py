"""Whether a text meets a query, and what in it does: the definition that every index only helps.

A compiled query is a tree of matchers. Each answers `find` with its evidence, or None; nothing here looks at a query's
text or at a dictionary.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import msgspec

from channelwatch.query.subject import Source, Subject
from channelwatch.text.fold import fold

if TYPE_CHECKING:
    from channelwatch.places import Gazetteer, Mention


class Span(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where a term of the query met the text: half-open code points into the original."""

    start: int
    end: int
    term: str
    """The term as typed in the query."""


class Evidence(msgspec.Struct, frozen=True):
    """Why a text meets a query: in order, each once; both may be empty (``channel:name`` alone)."""

    spans: tuple[Span, ...] = ()
    mentions: tuple["Mention", ...] = ()


NOTHING_TO_SHOW = Evidence()


class Matcher(Protocol):
    """One node of a compiled query."""

    @property
    def cost(self) -> int:
        """Rank by the work it takes; cheap ones are asked first."""

    def find(self, subject: Subject) -> Evidence | None:
        """Return the evidence, or None where the subject does not meet this."""


class OneOf:
    """A word in one of `forms`."""

    cost = 0

    def __init__(self, term: str, forms: frozenset[str]) -> None:
        """Keep the folded forms."""
        self.term = term
        self.forms = forms

    def fits(self, form: str) -> bool:
        """Tell whether one folded word is meant."""
        return form in self.forms

    def find(self, subject: Subject) -> Evidence | None:
        """Find every such word."""
        return _spans(subject, self.term, self.forms.intersection(subject.places))


class Begins:
    """A word that begins with `prefix`."""

    cost = 1

    def __init__(self, term: str, prefix: str) -> None:
        """Keep the folded prefix."""
        self.term = term
        self.prefix = prefix

    def fits(self, form: str) -> bool:
        """Tell whether one folded word is meant."""
        return form.startswith(self.prefix)

    def find(self, subject: Subject) -> Evidence | None:
        """Find every such word."""
        return _spans(subject, self.term, filter(self.fits, subject.places))


class InARow:
    """Words that follow each other, whatever signs stand between them."""

    cost = 2

    def __init__(self, term: str, parts: Sequence[OneOf | Begins]) -> None:
        """Keep what each word must be."""
        self.term = term
        self.parts = parts

    def find(self, subject: Subject) -> Evidence | None:
        """Find every place where all parts fit in order."""
        tokens = subject.tokens
        length = len(self.parts)
        first, *others = self.parts
        starts = [
            at
            for form, places in subject.places.items()
            if first.fits(form)
            for at in places
            if at + length <= len(tokens)
            and all(part.fits(tokens[at + step]) for step, part in enumerate(others, start=1))
        ]
        if not starts:
            return None
        words = subject.words
        return Evidence(tuple(Span(words[at].start, words[at + length - 1].end, self.term) for at in starts))


class InChannel:
    """Said in a channel of this name (now or before), alias or id."""

    cost = 0

    def __init__(self, names: frozenset[str], ids: frozenset[int]) -> None:
        """Keep folded names without ``@``, and ids."""
        self.names = names
        self.ids = ids

    def find(self, subject: Subject) -> Evidence | None:
        """Ask the subject's channel."""
        channel = subject.channel
        met = channel.id in self.ids or not self.names.isdisjoint(channel_names(channel))
        return NOTHING_TO_SHOW if met else None


class Tagged:
    """Said in a channel that carries the tag."""

    cost = 0

    def __init__(self, tag: str) -> None:
        """Keep the folded tag."""
        self.tag = tag

    def find(self, subject: Subject) -> Evidence | None:
        """Ask the subject's channel."""
        return NOTHING_TO_SHOW if self.tag in channel_tags(subject.channel) else None


class InRegion:
    """Speaks of a region."""

    cost = 9

    def __init__(self, gazetteer: "Gazetteer", code: str) -> None:
        """Keep whom to ask and the region's code."""
        self.gazetteer = gazetteer
        self.code = code

    def find(self, subject: Subject) -> Evidence | None:
        """Ask the gazetteer, unless the subject knows already."""
        mentions = subject.mentions(self.gazetteer, self.code)
        return Evidence(mentions=tuple(mentions)) if mentions else None


class Lacks:
    """Does not meet what is inside."""

    def __init__(self, inside: Matcher) -> None:
        """Keep it."""
        self.inside = inside
        self.cost = inside.cost

    def find(self, subject: Subject) -> Evidence | None:
        """Absence has nothing to show."""
        return NOTHING_TO_SHOW if self.inside.find(subject) is None else None


class AllOf:
    """Meets all of them."""

    def __init__(self, parts: Iterable[Matcher]) -> None:
        """Keep them, the cheap ones first."""
        self.parts = sorted(parts, key=lambda part: part.cost)
        self.cost = max(part.cost for part in self.parts)

    def find(self, subject: Subject) -> Evidence | None:
        """Stop at the first that fails."""
        found = []
        for part in self.parts:
            evidence = part.find(subject)
            if evidence is None:
                return None
            found.append(evidence)
        return _together(found)


class AnyOf:
    """Meets at least one of them."""

    def __init__(self, parts: Iterable[Matcher]) -> None:
        """Keep them."""
        self.parts = list(parts)
        self.cost = max(part.cost for part in self.parts)

    def find(self, subject: Subject) -> Evidence | None:
        """Ask all of them: the evidence is complete."""
        found = [evidence for part in self.parts if (evidence := part.find(subject)) is not None]
        return _together(found) if found else None


@lru_cache(maxsize=4096)
def channel_names(channel: Source) -> frozenset[str]:
    """Return all folded names of a channel, without ``@``."""
    names = (channel.name, channel.alias, *channel.past_names)
    return frozenset(fold(name).removeprefix("@") for name in names if name)


@lru_cache(maxsize=4096)
def channel_tags(channel: Source) -> frozenset[str]:
    """Return the folded tags of a channel."""
    return frozenset(map(fold, channel.tags))


def _spans(subject: Subject, term: str, forms: Iterable[str]) -> Evidence | None:
    spans = tuple(
        Span(word.start, word.end, term)
        for form in forms
        for word in (subject.words[at] for at in subject.places[form])
    )
    return Evidence(spans) if spans else None


def _together(found: Sequence[Evidence]) -> Evidence:
    return Evidence(
        tuple(span for evidence in found for span in evidence.spans),
        tuple(mention for evidence in found for mention in evidence.mentions),
    )
