"""Whether a text meets a query, and what in it does: the definition that every index only helps.

A compiled query is a tree of matchers. Each tells whether it holds, from the distinct words of the text where that is
enough, and then shows its evidence; nothing here looks at a query's text or at a dictionary.
"""

from collections.abc import Iterable, Iterator, Sequence
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


class Matcher(Protocol):
    """One node of a compiled query."""

    @property
    def cost(self) -> int:
        """Rank by the work it takes; cheap ones are asked first."""

    def holds(self, subject: Subject) -> bool:
        """Tell whether the subject meets this."""

    def show(self, subject: Subject) -> Evidence:
        """Return the evidence; asked only where it holds."""


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

    def holds(self, subject: Subject) -> bool:
        """Look for any such word."""
        return not self.forms.isdisjoint(subject.distinct)

    def show(self, subject: Subject) -> Evidence:
        """Give every such word."""
        return _words(self.term, subject, self.forms & subject.distinct)


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

    def holds(self, subject: Subject) -> bool:
        """Look for any such word."""
        return any(map(self.fits, subject.distinct))

    def show(self, subject: Subject) -> Evidence:
        """Give every such word."""
        return _words(self.term, subject, filter(self.fits, subject.distinct))


class InARow:
    """Words that follow each other, whatever signs stand between them."""

    cost = 2

    def __init__(self, term: str, parts: Sequence[OneOf | Begins]) -> None:
        """Keep what each word must be."""
        self.term = term
        self.parts = parts

    def holds(self, subject: Subject) -> bool:
        """Look for all the words, then for one place where they follow each other."""
        return all(part.holds(subject) for part in self.parts) and next(self._starts(subject), None) is not None

    def show(self, subject: Subject) -> Evidence:
        """Give every place where all parts fit in order, from the first word to the last."""
        words, last = subject.words, len(self.parts) - 1
        return Evidence(tuple(Span(words[at].start, words[at + last].end, self.term) for at in self._starts(subject)))

    def _starts(self, subject: Subject) -> Iterator[int]:
        """Yield the positions of first words."""
        tokens = subject.tokens
        first, *others = self.parts
        for at in range(len(tokens) - len(others)):
            if first.fits(tokens[at]) and all(part.fits(tokens[at + step]) for step, part in enumerate(others, 1)):
                yield at


class InChannel:
    """Said in a channel of this name (now or before), alias or id."""

    cost = 0

    def __init__(self, names: frozenset[str], ids: frozenset[int]) -> None:
        """Keep folded names without ``@``, and ids."""
        self.names = names
        self.ids = ids

    def holds(self, subject: Subject) -> bool:
        """Ask the subject's channel."""
        return subject.channel.id in self.ids or not self.names.isdisjoint(channel_names(subject.channel))

    def show(self, subject: Subject) -> Evidence:
        """Nothing in the text."""
        return Evidence()


class Tagged:
    """Said in a channel that carries the tag."""

    cost = 0

    def __init__(self, tag: str) -> None:
        """Keep the folded tag."""
        self.tag = tag

    def holds(self, subject: Subject) -> bool:
        """Ask the subject's channel."""
        return self.tag in channel_tags(subject.channel)

    def show(self, subject: Subject) -> Evidence:
        """Nothing in the text."""
        return Evidence()


class InRegion:
    """Speaks of a region."""

    cost = 9

    def __init__(self, gazetteer: "Gazetteer", code: str) -> None:
        """Keep whom to ask and the region's code."""
        self.gazetteer = gazetteer
        self.code = code

    def holds(self, subject: Subject) -> bool:
        """Ask the gazetteer, unless the subject knows already."""
        return bool(subject.mentions(self.gazetteer, self.code))

    def show(self, subject: Subject) -> Evidence:
        """Give every mention."""
        return Evidence(mentions=tuple(subject.mentions(self.gazetteer, self.code)))


class Lacks:
    """Does not meet what is inside."""

    def __init__(self, inside: Matcher) -> None:
        """Keep it."""
        self.inside = inside
        self.cost = inside.cost

    def holds(self, subject: Subject) -> bool:
        """Hold where the inside does not."""
        return not self.inside.holds(subject)

    def show(self, subject: Subject) -> Evidence:
        """Absence has nothing to show."""
        return Evidence()


class AllOf:
    """Meets all of them."""

    def __init__(self, parts: Iterable[Matcher]) -> None:
        """Keep them, the cheap ones first."""
        self.parts = sorted(parts, key=lambda part: part.cost)
        self.cost = max(part.cost for part in self.parts)

    def holds(self, subject: Subject) -> bool:
        """Stop at the first that fails."""
        return all(part.holds(subject) for part in self.parts)

    def show(self, subject: Subject) -> Evidence:
        """Give what each has to show."""
        return _together(part.show(subject) for part in self.parts)


class AnyOf:
    """Meets at least one of them."""

    def __init__(self, parts: Iterable[Matcher]) -> None:
        """Keep them, the cheap ones first."""
        self.parts = sorted(parts, key=lambda part: part.cost)
        self.cost = max(part.cost for part in self.parts)

    def holds(self, subject: Subject) -> bool:
        """Stop at the first that holds."""
        return any(part.holds(subject) for part in self.parts)

    def show(self, subject: Subject) -> Evidence:
        """Give what each that holds has to show: the evidence is complete."""
        return _together(part.show(subject) for part in self.parts if part.holds(subject))


@lru_cache(maxsize=4096)
def channel_names(channel: Source) -> frozenset[str]:
    """Return all folded names of a channel, without ``@``."""
    names = (channel.name, channel.alias, *channel.past_names)
    return frozenset(fold(name).removeprefix("@") for name in names if name)


@lru_cache(maxsize=4096)
def channel_tags(channel: Source) -> frozenset[str]:
    """Return the folded tags of a channel."""
    return frozenset(map(fold, channel.tags))


def _words(term: str, subject: Subject, forms: Iterable[str]) -> Evidence:
    words = subject.words
    return Evidence(
        tuple([Span(words[at].start, words[at].end, term) for form in forms for at in subject.positions(form)])
    )


def _together(parts: Iterable[Evidence]) -> Evidence:
    shown = list(parts)
    return Evidence(
        tuple(span for evidence in shown for span in evidence.spans),
        tuple(mention for evidence in shown for mention in evidence.mentions),
    )
