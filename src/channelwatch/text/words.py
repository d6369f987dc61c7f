"""Cut a text into words: runs of letters and digits, folded, each with its place in the original.

A hashtag is its words, a hyphen or an underscore ends a word, an apostrophe between letters does not, a sign or an
emoji separates. Full-text search (FTS5, ``unicode61 remove_diacritics 0``) cuts `index_words` into exactly these words.

Almost every text takes the short cut: one byte per character (`fold.ALPHABET`), where table look-ups fold, and every
character outside of it is a separator. A character that the short cut can't judge sends the stretch around it, up to
the next white space, through `fold.fold_with_offsets`.
"""

import codecs
import re
from collections.abc import Iterator

import msgspec

from channelwatch.text.fold import ALPHABET, DECODING, ENCODING, FOLD_BYTES, RUN, fold_with_offsets
from channelwatch.text.letters import unmix

FOLD_VERSION = 1
"""Raised whenever any text may give other words than before: a full-text index must then be refilled."""

LONGEST = 200
"""A form is cut to so many characters; its span is whole. Nobody looks for more, and FTS5 cuts at 32 kB by itself."""


class Word(msgspec.Struct, frozen=True, gc=False):
    """One word of a text: ``text[start:end]`` folds to `form`."""

    start: int
    end: int
    form: str


# Signs of which each is one separator, whatever stands beside it. U+FE0F (emoji style) is invisible, but hardly ever
# inside a word; `_GLUED` finds where it is.
PLAIN_SIGNS = (
    "\u2002-\u200a\u2010-\u2017\u201a\u201c-\u2029\u202f-\u2031\u2033-\u205f\u20a0-\u20cf\u20e3\u218a-\u2328\u232b-\u245f"
    "\u2500-\u2775\u2794-\u2adb\u2add-\u2bff\ufe0f\U0001f000-\U0001f0ff\U0001f14a-\U0001f201\U0001f252-\U0001faff"
)
"""Ranges for a character class of a regular expression."""

_ODD = re.compile(f"[^{re.escape(ALPHABET)}{PLAIN_SIGNS}]")
_GLUED = re.compile("\ufe0f(?<=[\\w'’\ufe0f]\ufe0f)['’\\w\ufe0f]")


_SPACE = re.compile("[ \n]")
_DROPPED = b"\xff"  # stands where an apostrophe between letters was; no character has this byte


def _set(chars: str) -> bytes:
    return bytes(ALPHABET.index(char) for char in chars)


_FOLDED = "".join(ALPHABET[byte] for byte in FOLD_BYTES[: len(ALPHABET)])
_WORD_BYTES = bytes(
    FOLD_BYTES[byte] if char.isalnum() or char == "'" else 32 for byte, char in enumerate(_FOLDED)
).ljust(256, b" ")
_LATIN = _set("abcdefghijklmnopqrstuvwxyz")
_CYRILLIC = _set("абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ")
_APOSTROPHE = re.compile(b"(?<=[%b])'(?=[%b])" % ((re.escape(_LATIN + _CYRILLIC),) * 2))
_SCRIPT = bytes(76 if byte in _LATIN else 67 if byte in _CYRILLIC else 32 for byte in range(256))  # L, C or space
_NEUTRAL = _set("0123456789") + _DROPPED
_BYTE_RUN = re.compile(rb"[^ ]+")


def words(text: str) -> list[Word]:
    """Return the words of `text` in order; offsets are half-open code points into `text`."""
    found: list[Word] = []
    for start, end, odd in _stretches(text):
        found.extend(_odd_words(text, start, end) if odd else _usual_words(text, start, end))
    return found


def forms_of(text: str) -> list[str]:
    """Return the forms of ``words(text)``, faster than `words` by half."""
    if not _is_usual(text):
        return [word.form for word in words(text)]
    coded = _usual_bytes(text).translate(None, _DROPPED)
    return _shortened(codecs.charmap_decode(coded, "strict", DECODING)[0].split(), len(text))


def index_words(text: str) -> str:
    """Return the forms of ``words(text)`` joined by single spaces: what ``posts_fts`` indexes."""
    return " ".join(forms_of(text))


def _shortened(forms: list[str], length: int) -> list[str]:
    """Return `forms`, each cut to `LONGEST`; `length` is that of their text."""
    if length > LONGEST and max(map(len, forms), default=0) > LONGEST:
        return [form[:LONGEST] for form in forms]
    return forms


def _is_usual(text: str) -> bool:
    return _ODD.search(text) is None and ("\ufe0f" not in text or _GLUED.search(text) is None)


def _stretches(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, odd): odd stretches reach from white space to white space and must take the long way."""
    if _is_usual(text):
        yield 0, len(text), False
        return
    done = 0
    for odd in sorted(found.start() for pattern in (_ODD, _GLUED) for found in pattern.finditer(text)):
        if odd < done:
            continue
        start = max(done, text.rfind(" ", done, odd), text.rfind("\n", done, odd))
        after = _SPACE.search(text, odd)
        end = after.start() if after else len(text)
        if start > done:
            yield done, start, False
        yield start, end, True
        done = end
    yield done, len(text), False


def _usual_bytes(text: str) -> bytes:
    """Return one byte per character: folded letters and digits, spaces for all else."""
    coded: bytes = codecs.charmap_encode(text, "replace", ENCODING)[0].translate(_WORD_BYTES)
    if b"'" in coded:
        coded = _APOSTROPHE.sub(_DROPPED, coded).replace(b"'", b" ")
    scripts = coded.translate(_SCRIPT, _NEUTRAL)
    if b"LC" in scripts or b"CL" in scripts:
        coded = _BYTE_RUN.sub(_unmix_bytes, coded)
    return coded


def _unmix_bytes(run: re.Match[bytes]) -> bytes:
    """Unmix one word in bytes; what stands for an apostrophe must stay in its place."""
    coded = run[0]
    word = codecs.charmap_decode(coded.replace(_DROPPED, b"'"), "strict", DECODING)[0]
    mended = codecs.charmap_encode(unmix(word), "strict", ENCODING)[0]
    return bytes(mended.replace(b"'", _DROPPED))


def _usual_words(text: str, start: int, end: int) -> list[Word]:
    coded = _usual_bytes(text[start:end])
    forms = codecs.charmap_decode(coded.translate(None, _DROPPED), "strict", DECODING)[0].split()
    spans = map(re.Match.span, _BYTE_RUN.finditer(coded))
    return [
        Word(start + a, start + b, form) for (a, b), form in zip(spans, _shortened(forms, end - start), strict=True)
    ]


def _odd_words(text: str, start: int, end: int) -> list[Word]:
    folded = fold_with_offsets(text[start:end])
    return [
        Word(start + folded.starts[run.start()], start + folded.ends[run.end() - 1], run[0][:LONGEST])
        for run in RUN.finditer(folded.text)
    ]
