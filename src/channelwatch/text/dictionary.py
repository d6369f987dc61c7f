"""The Russian and Ukrainian dictionaries: which lexemes a word may belong to, and all their forms.

The only module that knows pymorphy3, which is imported with the first question (0.1 s, 30 MB).
"""

from functools import cache, lru_cache
from typing import Any, Literal

import msgspec

Language = Literal["ru", "uk"]


class Lexeme(msgspec.Struct, frozen=True):
    """One reading of a word: all forms of the lexeme, in lower case, as the dictionary spells them."""

    forms: frozenset[str]
    fixed: bool
    """An indeclinable word or an abbreviation."""
    base: str
    """The dictionary form."""
    name: bool
    """A name, of a person or perhaps of a place."""


_NAME_TAGS = frozenset({"Surn", "Name", "Patr", "Geox"})
_IRREGULAR_UK = {
    "добрий": ("кращий", "найкращий"),
    "гарний": ("кращий", "найкращий"),
    "поганий": ("гірший", "найгірший"),
    "великий": ("більший", "найбільший"),
    "малий": ("менший", "найменший"),
    "йти": ("іти",),
    "іти": ("йти",),
}
"""Ukrainian forms that the dictionary keeps as words of their own."""


@cache
def _analyzer(language: Language) -> Any:  # pymorphy3 has no types
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang=language)


@lru_cache(maxsize=4096)
def lexemes(word: str, language: Language) -> tuple[Lexeme, ...]:
    """Return every lexeme of the dictionary that has `word` (lower case) as a form; none for an unknown word."""
    return tuple(_lexeme(reading, language) for reading in _readings(word, language))


@lru_cache(maxsize=4096)
def guesses(word: str, language: Language) -> tuple[Lexeme, ...]:
    """Return lexemes for an unknown word that ends in a known one ("кибератака"); none where no such word is seen."""
    found = [reading for reading in _analyzer(language).parse(word) if _ends_in_known_word(reading)]
    return tuple(_lexeme(reading, language) for reading in _apart(found))


def _readings(word: str, language: Language) -> list[Any]:
    return _apart([reading for reading in _analyzer(language).parse(word) if reading.is_known])


def _apart(readings: list[Any]) -> list[Any]:
    """Keep one reading for each paradigm."""
    return list({(reading.normal_form, reading.methods_stack[0][2]): reading for reading in readings}.values())


def _ends_in_known_word(reading: Any) -> bool:
    names = [type(step[0]).__name__ for step in reading.methods_stack]
    return (
        reading.tag.POS in ("NOUN", "INFN", "VERB", "ADJF")
        and names[0] == "DictionaryAnalyzer"
        and names[-1] in ("KnownPrefixAnalyzer", "UnknownPrefixAnalyzer")
    )


def _lexeme(reading: Any, language: Language) -> Lexeme:
    parsed = reading.lexeme
    forms = {form.word for form in parsed}
    grammemes = reading.tag.grammemes
    if "INFN" in grammemes or "VERB" in grammemes or reading.tag.POS in ("PRTF", "PRTS", "GRND"):
        forms |= _verb_forms(reading.normal_form, forms, language)
    elif language == "uk" and "ADJF" in grammemes:
        forms |= _comparatives(reading.normal_form)
    # The Ukrainian dictionary does not mark names of places; like mass nouns, they have no plural there.
    singular = reading.tag.POS == "NOUN" and not any("plur" in form.tag.grammemes for form in parsed)
    return Lexeme(
        forms=frozenset(forms),
        base=reading.normal_form,
        fixed="Fixd" in grammemes or "Abbr" in grammemes,
        name=(singular and language == "uk") or not _NAME_TAGS.isdisjoint(grammemes),
    )


def _verb_forms(infinitive: str, forms: set[str], language: Language) -> set[str]:
    """Return reflexive forms, and the Ukrainian participles and gerunds, that the dictionary keeps apart."""
    apart: list[tuple[str, tuple[str, ...]]] = [(infinitive + "ся", ("VERB", "INFN"))]
    if language == "uk":
        for form in forms:
            if form.endswith(("но", "то")):
                apart.append((form[:-1] + "ий", ("ADJF",)))
            elif form.endswith("в"):
                apart.append((form + "ши", ("GRND",)))
            elif form.endswith("ть"):
                apart += [(form[:-2] + "чи", ("GRND",)), (form[:-2] + "чий", ("ADJF",))]
        apart += [(form, ("VERB",)) for form in _IRREGULAR_UK.get(infinitive, ())]
    return _known(apart, language)


def _comparatives(adjective: str) -> set[str]:
    if not adjective.endswith("ий"):
        return set()
    regular = f"{adjective[:-2]}іший"
    wanted = (regular, f"най{regular}", *_IRREGULAR_UK.get(adjective, ()))
    return _known([(form, ("ADJF",)) for form in wanted], "uk")


def _known(wanted: list[tuple[str, tuple[str, ...]]], language: Language) -> set[str]:
    """Return all forms of those wanted words that the dictionary knows as the wanted part of speech."""
    return {
        form.word
        for word, kinds in wanted
        for reading in _readings(word, language)
        if reading.normal_form == word and reading.tag.POS in kinds
        for form in reading.lexeme
    }
