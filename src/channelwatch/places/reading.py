"""See a post as a line of tokens: what each looks like and what stands between them."""

import re
from collections.abc import Sequence

import msgspec

from channelwatch.places.cues import SUBSCRIBE
from channelwatch.places.key import key
from channelwatch.text.words import Word

_GLUED = re.compile(r"(?<=[а-яёіїєґ])(?=[А-ЯЁІЇЄҐ][а-яёіїєґ])")
_SENTENCE = re.compile(r"[.!?…:;•|\n‼⁉\u2190-\u2bff\U0001f000-\U0001ffff]")
_LINK = re.compile(r"(?:https?://|www\.|t\.me/|@)\S+")
_SIGNATURE = 80
"""A line that asks to subscribe and is no longer than this is the channel's signature."""
_BOUND = re.compile(r"\S|\n")
STOP = re.compile(r"[!?;\n…]")
"""Ends what belongs together."""
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


class Line:
    """The post as a line of tokens, with what its writing shows."""

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        """Look at the words of `text` (no two glued together)."""
        self.text = text
        self.tokens = tokens(text, words)
        self.keys = [key(token.form) for token in self.tokens]

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.tokens)

    def __getitem__(self, i: int) -> Token:
        """Return token `i`."""
        return self.tokens[i]

    def form(self, i: int) -> str:
        """Return the folded form of token `i`, or nothing outside of the line."""
        return self.tokens[i].form if 0 <= i < len(self.tokens) else ""

    def gap(self, i: int) -> str:
        """Return what stands before token `i`; one past the last token, what ends the text."""
        if i == len(self.tokens):
            return self.text[self.tokens[-1].end :] + "\n"
        return self.tokens[i].gap if 0 <= i < len(self.tokens) else "\n"

    def capital(self, i: int) -> bool:
        """Say whether token `i` is written big; a hashtag counts as such."""
        return 0 <= i < len(self.tokens) and (self.tokens[i].capital or self.tokens[i].gap.endswith("#"))

    def all_upper(self, token: Token) -> bool:
        """Say whether the token's line of the text is all in capitals."""
        start = self.text.rfind("\n", 0, token.start) + 1
        end = self.text.find("\n", token.end)
        return self.text[start : end if end >= 0 else None].isupper()

    def own_line(self, i: int, last: int) -> bool:
        """Say whether the name fills its line."""
        first, after = i == 0 or "\n" in self.gap(i), last + 1 >= len(self.tokens) or "\n" in self.gap(last + 1)
        return first and after and len(self.tokens) > last - i + 1

    def stands_alone(self, i: int, last: int) -> bool:
        """Say whether punctuation, line ends or other places bound the name on both sides."""
        before, after = self.gap(i), self.gap(last + 1)
        return (i == 0 or _BOUND.search(before) is not None) and (
            last + 1 >= len(self.tokens) or _BOUND.search(after) is not None
        )

    def muted(self) -> set[int]:
        """Return the tokens that tell nothing: links, user names, and lines that ask to subscribe."""
        silent: set[int] = set()
        for link in _LINK.finditer(self.text):
            silent.update(i for i, token in enumerate(self.tokens) if link.start() <= token.start < link.end())
        for i, token in enumerate(self.tokens):
            if token.form in SUBSCRIBE:
                start = self.text.rfind("\n", 0, token.start) + 1
                end = self.text.find("\n", token.end)
                end = len(self.text) if end < 0 else end
                short = end - start <= _SIGNATURE
                silent.update(j for j, other in enumerate(self.tokens) if start <= other.start < end and short)
                silent.add(i)
        return silent
