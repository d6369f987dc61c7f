"""What a query is asked about: one text and the channel it stands in.

Everything derived from the text is computed on first use and kept, so that a thousand rules share it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from channelwatch.text.words import Word, forms_of, words

if TYPE_CHECKING:  # a query that names no region never loads the gazetteer
    from channelwatch.places import Gazetteer, Mention


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The channel of a text, as far as queries ask."""

    id: int
    name: str | None = None
    past_names: tuple[str, ...] = ()
    alias: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    home: tuple[str, ...] = ()
    """Codes of the regions that it speaks of."""


class Subject:
    """A text, its channel, and what is known of both once somebody asked."""

    __slots__ = ("_distinct", "_expected", "_mentions", "_tokens", "_words", "channel", "text")

    def __init__(self, text: str, channel: Source, words: Sequence[Word] | None = None) -> None:
        """`words` spares cutting the text again where somebody has its words already."""
        self.text = text
        self.channel = channel
        self._words = words
        self._tokens: list[str] | None = None
        self._distinct: frozenset[str] | None = None
        self._expected: frozenset[str] = frozenset()
        self._mentions: dict[str, list[Mention]] = {}

    @property
    def words(self) -> Sequence[Word]:
        """The words of the text with their spans."""
        if self._words is None:
            self._words = words(self.text)
        return self._words

    @property
    def tokens(self) -> list[str]:
        """The forms of the words, in order; cheaper than `words`."""
        if self._tokens is None:
            if self._words is None:
                self._tokens = forms_of(self.text)
            else:
                self._tokens = [word.form for word in self._words]
        return self._tokens

    @property
    def distinct(self) -> frozenset[str]:
        """The forms of the words, each once."""
        if self._distinct is None:
            self._distinct = frozenset(self.tokens)
        return self._distinct

    def positions(self, form: str) -> list[int]:
        """Return where among `words` a form stands that is in `distinct`."""
        tokens = self.tokens
        at = tokens.index(form)
        found = [at]
        for _ in range(tokens.count(form) - 1):
            at = tokens.index(form, at + 1)
            found.append(at)
        return found

    def expect(self, regions: frozenset[str]) -> None:
        """Say which regions may be asked about, so that one look at the text finds them all."""
        self._expected |= regions

    def mentions(self, gazetteer: "Gazetteer", code: str) -> list["Mention"]:
        """Return what speaks of the region `code`; the first question looks up every expected region at once."""
        if code not in self._mentions:
            asked = (self._expected | {code}) - self._mentions.keys()
            self._mentions.update((region, []) for region in asked)
            for mention in gazetteer.mentions(self.text, self.words, sorted(asked), self.channel.home):
                self._mentions[mention.region].append(mention)
        return self._mentions[code]
