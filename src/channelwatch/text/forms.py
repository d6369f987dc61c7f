"""All the forms of a word that a query names: what stands in posts when people mean it.

Forms of one lexeme count, every reading of an ambiguous word included: cases, tenses, participles, gerunds and
reflexive forms, short forms and comparatives, suppletive forms (человек, люди). Derivations do not (обстрел is not
обстрелять). Russian and Ukrainian words are looked up in their dictionaries; names that neither knows go by ending
rules; Latin words by light English rules.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from channelwatch.text.fold import fold
from channelwatch.text.letters import APOSTROPHES

if TYPE_CHECKING:
    from channelwatch.text.dictionary import Lexeme

_CYRILLIC = re.compile("[а-яёіїєґ']+")
_LATIN = re.compile("[a-z]+")
_APOSTROPHES = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
_LOST_APOSTROPHE = re.compile("(?<=[бвмпфрдзнст])(?=[яюєї])")
_LONGEST_ACRONYM = 5


@lru_cache(maxsize=65536)
def forms(word: str) -> frozenset[str]:
    """Return every folded form of the lexemes that `word` (as typed) may belong to, the folded word itself included."""
    folded = fold(word)
    if _LATIN.fullmatch(folded):
        from channelwatch.text.english import english

        return frozenset(english(folded))
    typed = word.translate(_APOSTROPHES).lower()
    if fold(typed) != folded or not _CYRILLIC.fullmatch(typed):
        typed = folded  # look-alikes, stress marks …
    if not _CYRILLIC.fullmatch(typed):
        return frozenset((folded,))
    acronym = word.isupper() and len(word) <= _LONGEST_ACRONYM
    return frozenset(map(fold, {folded, *_slavic(typed, capital=word[0].isupper() and not acronym, acronym=acronym)}))


def _slavic(word: str, *, capital: bool, acronym: bool) -> set[str]:
    """Return the forms of a word in lower case; `capital` and `acronym` tell how it was typed."""
    from channelwatch.text.dictionary import guesses, lexemes
    from channelwatch.text.endings import by_ending, declined, language_letters

    russian, ukrainian = language_letters(word)
    in_russian = lexemes(word, "ru") if russian else ()
    in_ukrainian = lexemes(word, "uk") if ukrainian else ()
    if ukrainian and not (in_russian or in_ukrainian):
        in_ukrainian = lexemes(_LOST_APOSTROPHE.sub("'", word), "uk")
    known = (*in_russian, *in_ukrainian)
    found = _all(known)
    if acronym or (known and all(lexeme.fixed for lexeme in known)):
        return found
    if not known:
        guessed = (*(guesses(word, "ru") if russian else ()), *(guesses(word, "uk") if ukrainian else ()))
        return _all(guessed) | by_ending(word)
    for lexeme in known:
        if lexeme.name or (capital and lexeme.base == word):
            # A name that one language's dictionary has and the other's may lack.
            russian, ukrainian = language_letters(lexeme.base)
            if russian and not in_russian:
                found |= _all(lexemes(lexeme.base, "ru")) or declined(lexeme.base, russian=True, ukrainian=False)
            if ukrainian and not in_ukrainian:
                found |= _all(lexemes(lexeme.base, "uk")) or declined(lexeme.base, russian=False, ukrainian=True)
    return found


def _all(lexemes: "Iterable[Lexeme]") -> set[str]:
    return {form for lexeme in lexemes for form in lexeme.forms}
