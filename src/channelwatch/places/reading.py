"""See a post as a line of tokens: what each looks like and what stands between them."""

import re
from collections.abc import Sequence

import msgspec

from channelwatch.text.words import Word

_GLUED = re.compile(r"(?<=[а-яёіїєґ])(?=[А-ЯЁІЇЄҐ][а-яёіїєґ])")
_SENTENCE = re.compile(r"[.!?…:;•|\n‼⁉\u2190-\u2bff\U0001f000-\U0001ffff]")
_JOINT = re.compile(r"[ \t\u00a0.]*[-‐-―]?[ \t\u00a0.]*")


class Token(msgspec.Struct, gc=False):
    """One word of the post with its looks."""

    start: int
    end: int
    form: str
    capital: bool
    upper: bool
    gap: str
    """What stands between the token before and this one."""
    opens: bool
    """True at the start of a sentence, a line, or after an emoji."""


def unglue(text: str, words: Sequence[Word]) -> Sequence[Word]:
    """Split words that lost the blank between them (``КурскомРаботает``); give back `words` where none did."""
    if _GLUED.search(text) is None:
        return words
    parts: list[Word] = []
    for word in words:
        seams = [found.start() for found in _GLUED.finditer(text, word.start, word.end)]
        if not seams or word.end - word.start != len(word.form):
            parts.append(word)
            continue
        for a, b in zip([word.start, *seams], [*seams, word.end], strict=True):
            parts.append(Word(a, b, word.form[a - word.start : b - word.start]))
    return parts


def tokens(text: str, words: Sequence[Word]) -> list[Token]:
    """Return the post's words with their looks and the gaps before them."""
    line: list[Token] = []
    end = 0
    for word in words:
        surface = text[word.start : word.end]
        gap = text[end : word.start]
        line.append(
            Token(
                word.start,
                word.end,
                word.form,
                surface[:1].isupper(),
                len(surface) > 1 and surface.isupper(),
                gap,
                not line or _SENTENCE.search(gap) is not None,
            )
        )
        end = word.end
    return line


def joined(token: Token) -> bool:
    """Say whether the token may continue a name: only blanks, one dash or a full stop of an abbreviation before it."""
    return _JOINT.fullmatch(token.gap) is not None
