"""Fold a text, so that what readers take for the same letters is the same string.

In this order, over each character with its marks: invisible characters go; NFC, then NFKC for letters and digits (й
and ї are composed before loose stress marks go); case folding; ё→е; letters that full-text search does not know become
their number. Then over words: an apostrophe between two letters goes ("здоров'я" is "здоровя", however it was typed),
and look-alike letters of another script become the word's own. Folding twice changes nothing.

Nothing else changes: spaces, signs and line breaks stay. A text in the usual alphabet takes a short cut through byte
tables, which gives the same answer.
"""

import codecs
import re

import msgspec

from channelwatch.text.letters import begins, fold_cluster, invisible, unmix

_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ"
_SIGNS = "\xa0«»—–…№•’‘“”„ʼ°·₽€§©®±×†‹›−≈→"
ALPHABET = "".join(map(chr, range(128))) + _CYRILLIC + _CYRILLIC.upper() + _SIGNS
"""The usual alphabet; a character's place in it is its byte. Each folds to one character of it."""

ENCODING = codecs.charmap_build(ALPHABET.ljust(256, "\ufffe"))
"""For `codecs.charmap_encode`."""

DECODING = ALPHABET.ljust(256, "\ufffe")
"""For `codecs.charmap_decode`."""

FOLD_BYTES = bytes(ALPHABET.index(fold_cluster(char)) for char in ALPHABET).ljust(256, b" ")
"""For `bytes.translate`."""

_MIDWORD_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_STRETCHES = re.compile(r"[^ \n]+|[ \n]+")
RUN = re.compile(r"[^\W_]+")
_MIXED = re.compile(r"[a-z\u00df-\u024f][0-9]*[\u0370-\u052f]|[\u0370-\u052f][0-9]*[a-z\u00df-\u024f]|[\u0370-\u03ff]")


_MOST_MARKS = 32
"""Characters taken together; sorting marks takes the square of their number, and no honest letter has so many."""


class Folded(msgspec.Struct, frozen=True):
    """A folded text and the way back: ``text[i]`` came from ``original[starts[i]:ends[i]]``."""

    text: str
    starts: list[int]
    ends: list[int]


def fold(text: str) -> str:
    """Return `text` folded; ``fold(fold(text)) == fold(text)`` for every text."""
    try:
        return _fold_usual(text)
    except UnicodeEncodeError:
        return "".join(map(_fold_stretch, _STRETCHES.findall(text)))


def _fold_usual(text: str) -> str:
    """Fold a text of the usual alphabet; raise UnicodeEncodeError for any other."""
    coded = codecs.charmap_encode(text, "strict", ENCODING)[0]
    folded = codecs.charmap_decode(coded.translate(FOLD_BYTES), "strict", DECODING)[0]
    if "'" in folded:
        folded = _MIDWORD_APOSTROPHE.sub("", folded)
    return unmix_words(folded)


def _fold_stretch(stretch: str) -> str:
    """Fold what stands between spaces: nothing melts across them."""
    try:
        return _fold_usual(stretch)
    except UnicodeEncodeError:
        return fold_with_offsets(stretch).text


def fold_with_offsets(text: str) -> Folded:
    """Return `text` folded with the way back to it; the definition that every short cut must agree with."""
    folded = Folded(text, list(range(len(text))), list(range(1, len(text) + 1)))
    while True:
        again = _fold_once(folded)
        if again.text == folded.text:
            return folded
        folded = again


def unmix_words(folded: str) -> str:
    """Return a folded text whose mixed-script words are unmixed; of the same length."""
    if _MIXED.search(folded) is None:
        return folded
    return RUN.sub(lambda run: unmix(run[0]), folded)


def _fold_once(before: Folded) -> Folded:
    """Fold clusters, then words. Characters may meet that were apart before, so it is asked again until it rests."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    seen = [at for at, char in enumerate(before.text) if not invisible(char)]
    at = 0
    while at < len(seen):
        after = at + 1
        most = min(at + _MOST_MARKS, len(seen))
        while after < most and not begins(before.text[seen[after]]):
            after += 1
        for char in fold_cluster("".join([before.text[i] for i in seen[at:after]])):
            chars.append(char)
            starts.append(before.starts[seen[at]])
            ends.append(before.ends[seen[after - 1]])
        at = after
    text = "".join(chars)
    gone = {found.start() for found in _MIDWORD_APOSTROPHE.finditer(text)}
    if gone:
        kept = [i for i in range(len(text)) if i not in gone]
        text = "".join([text[i] for i in kept])
        starts, ends = [starts[i] for i in kept], [ends[i] for i in kept]
    return Folded(unmix_words(text), starts, ends)
