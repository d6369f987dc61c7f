"""A small gazetteer and a source for the tests of queries."""

from collections.abc import Collection, Sequence

from channelwatch.places import Mention, Region
from channelwatch.query import Query, Source, Subject, compile_query
from channelwatch.text.words import Word

BAZA = Source(id=1234567890, name="Baza", past_names=("oldbaza",), alias="База РФ", tags=("News", "москва"))
OTHER = Source(id=5, name="other_one")

TOWNS = {"RU-BEL": ("белгород", "козинка"), "RU-KRS": ("курск", "суджа")}


class SmallGazetteer:
    """Knows four towns in the nominative, and counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def region(self, name_or_code: str) -> Region:
        """Know two regions."""
        for code, (seat, _) in TOWNS.items():
            if name_or_code.upper() == code or name_or_code.casefold().startswith(seat):
                return Region(code, seat)
        raise LookupError(f"there is no region {name_or_code} — did you mean Белгород?")

    def mentions(
        self, text: str, words: Sequence[Word], regions: Collection[str], home: Collection[str] = ()
    ) -> list[Mention]:
        """Find the towns."""
        self.calls += 1
        return [
            Mention(word.start, word.end, text[word.start : word.end], word.form, code, None, None, "settlement", ())
            for word in words
            for code in regions
            if word.form in TOWNS[code]
        ]


def ask(query: str, text: str, channel: Source = BAZA) -> list[str] | None:
    """Return what of `text` met `query`, in order, or None."""
    evidence = compiled(query).evaluate(Subject(text, channel))
    if evidence is None:
        return None
    return [text[span.start : span.end] for span in evidence.spans] + [mention.text for mention in evidence.mentions]


def compiled(query: str, gazetteer: SmallGazetteer | None = None) -> Query:
    """Compile against the small gazetteer."""
    return compile_query(query, gazetteer=gazetteer or SmallGazetteer())  # type: ignore[arg-type]
