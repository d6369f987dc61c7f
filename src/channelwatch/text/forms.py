"""All the forms of a word (first version: the word itself)."""

from channelwatch.text.fold import fold


def forms(word: str) -> frozenset[str]:
    """Return every folded form of the word's lexemes, the folded word itself included."""
    return frozenset((fold(word),))
