"""Facts about single letters: apostrophes, look-alikes, what full-text search takes for a letter.

Everything here is decided per character; `fold` and `words` apply it to texts.
"""

import re
import unicodedata
from functools import lru_cache

APOSTROPHES = frozenset("'’‘ʼʻ‛ʹ′`´＇")
"""All the signs that people type for an apostrophe; the modifier letters among them are letters to Unicode."""

KEYCAP = "\u20e3"
"""Turns the digit before it into an emoji: the digit ends there, whatever follows."""

_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u034f\u180b\u180c\u180d")
_SPELLED = str.maketrans({"ё": "е", "ѐ": "е", "ѝ": "и"})

_CYRILLIC_LOOK = {
    "a": "а", "b": "в", "c": "с", "e": "е", "h": "н", "i": "і", "k": "к", "m": "м", "n": "п", "o": "о", "p": "р",
    "r": "г", "t": "т", "u": "и", "x": "х", "y": "у", "ë": "е", "é": "е", "è": "е", "ï": "ї", "ó": "о", "ò": "о",
    "á": "а", "à": "а", "í": "і", "ý": "у", "ı": "і",
    "α": "а", "β": "в", "ε": "е", "η": "н", "ι": "і", "κ": "к", "ν": "н", "ο": "о", "ρ": "р", "τ": "т", "υ": "у",
    "χ": "х",
}  # fmt: skip
_LATIN_LOOK = {
    "а": "a", "в": "b", "с": "c", "е": "e", "н": "h", "і": "i", "ї": "i", "к": "k", "м": "m", "о": "o", "р": "p",
    "т": "t", "и": "u", "х": "x", "у": "y", "ѕ": "s", "ј": "j", "ԁ": "d", "һ": "h", "ѵ": "v", "ԛ": "q", "ԝ": "w",
    "α": "a", "β": "b", "ε": "e", "η": "h", "ι": "i", "κ": "k", "ν": "n", "ο": "o", "ρ": "p", "τ": "t", "υ": "y",
    "χ": "x",
}  # fmt: skip
_TO_CYRILLIC = str.maketrans(_CYRILLIC_LOOK)
_TO_LATIN = str.maketrans(_LATIN_LOOK)
_CYRILLIC = re.compile("[\u0400-\u052f]")
_LATIN = re.compile("[a-z\u00df-\u024f]")
_GREEK = re.compile("[\u03ac-\u03ce]")


def unmix(word: str) -> str:
    """Return a folded word written in one script, where look-alike letters are all that stands against it.

    Latin and Greek look-alikes in a word that is mostly Cyrillic become Cyrillic, and the other way round; a word
    with a letter that looks like nothing over there ("штормz") stays as it is. The length never changes.
    """
    cyrillic, latin, greek = (len(script.findall(word)) for script in (_CYRILLIC, _LATIN, _GREEK))
    if (cyrillic > 0) + (latin > 0) + (greek > 0) < 2:
        return word
    to_cyrillic = word.translate(_TO_CYRILLIC)
    to_latin = word.translate(_TO_LATIN)
    good_cyrillic = cyrillic > 0 and not (_LATIN.search(to_cyrillic) or _GREEK.search(to_cyrillic))
    good_latin = latin > 0 and not (_CYRILLIC.search(to_latin) or _GREEK.search(to_latin))
    if good_cyrillic and (cyrillic >= latin or not good_latin):
        return to_cyrillic
    return to_latin if good_latin else word


@lru_cache(maxsize=8192)
def invisible(char: str) -> bool:
    """Tell whether `char` shows nothing and separates nothing: zero-width, bidi, soft hyphen, variation selector …"""
    return unicodedata.category(char) == "Cf" or char in _FILLERS or "\ufe00" <= char <= "\ufe0f" or (
        "\U000e0000" <= char <= "\U000e0fff"
    )  # fmt: skip


@lru_cache(maxsize=8192)
def begins(char: str) -> bool:
    """Tell whether `char` never melts into the character before it (no mark, no Hangul vowel or final)."""
    if char == KEYCAP:
        return True
    first = unicodedata.normalize("NFKD", char)[0]
    return not (unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff" or "\ud7b0" <= first <= "\ud7ff")


@lru_cache(maxsize=8192)
def fold_cluster(cluster: str) -> str:
    """Return the fold of one character with the marks that follow it; applying it again changes nothing."""
    folded = _fold_once(cluster)
    while folded != cluster:
        cluster, folded = folded, _fold_once(folded)
    return folded


def _fold_once(cluster: str) -> str:
    out = []
    for char in unicodedata.normalize("NFC", cluster):
        if char in APOSTROPHES:
            out.append("'")
        elif char == KEYCAP:
            out.append(" ")
        elif unicodedata.category(char)[0] == "M" or invisible(char):
            continue  # stress marks and other marks that nothing composed with
        else:
            # Compatibility forms of letters and digits only: № is not "no", ™ is not "tm" glued to a name.
            plain = unicodedata.normalize("NFKC", char)
            out.append(plain.casefold() if char.isalnum() or (len(plain) == 1 and plain.isalnum()) else char)
    folded = unicodedata.normalize("NFC", "".join(out)).translate(_SPELLED)
    return "".join(char if _searchable(char) else f"u{ord(char):x}" for char in folded)


@lru_cache(maxsize=8192)
def _searchable(char: str) -> bool:
    """Tell whether full-text search agrees with us about `char`.

    FTS5's ``unicode61`` knows the letters of Unicode 6.1 only. Letters that are younger than Unicode 3.2, which
    Python carries for IDNA, are written as their number instead: never wrong, and no table to keep.
    """
    return char < "\x80" or not char.isalnum() or unicodedata.ucd_3_2_0.category(char)[0] in "LN"
