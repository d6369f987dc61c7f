"""Read a query as typed into a tree of nodes, or say exactly what is wrong with it and where.

::

    query  = all ("OR" | "|") all …          OR binds loosest
    all    = part ["AND"] part …             side by side = all of them
    part   = "-" part | "NOT" part | "(" query ")" | "…" | name:value | =word | word | word*

Operators that are words are written in capitals; anything else is a word to look for.
"""

import re

import msgspec

from channelwatch.errors import QueryError
from channelwatch.query.node import (
    And,
    Channel,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Region,
    Strict,
    Tag,
    Term,
    Word,
    is_positive,
)
from channelwatch.text.words import words

FIELDS = ("channel", "from", "region", "tag", "strict")
"""The names that may stand before a colon."""

LONGEST = 10_000
"""Characters of a query; more is taken for a mistake."""

SHORTEST_PREFIX = 2
"""Letters that must stand before a ``*``."""

DEEPEST = 30
"""Brackets within brackets."""

_QUOTES = {'"': '"', "“": "”", "„": "”“", "«": "»"}
_MINUS = "-−–—"
_BARE = re.compile(r'[^\s()|"“”„«»]+')
_FIELD = re.compile(r"([^\W\d_]+):(.*)", re.DOTALL)
_NOT_YET = re.compile(r"NEAR(/\d+)?|/.+/i?|~.+|&+")
_WARNED = {"or", "или", "або"}


class Token(msgspec.Struct, frozen=True):
    """One piece of a query: `kind` is ``( ) | - AND NOT quoted field bare end``."""

    kind: str
    text: str
    start: int
    end: int
    field: str = ""


def parse(query: str) -> Node:
    """Return the tree of `query`; raise `QueryError` with the spot and a remedy where it makes no sense."""
    if len(query) > LONGEST:
        raise _error(
            query, LONGEST, LONGEST + 1, f"a query of {len(query):,} characters",
            f"split it into several of at most {LONGEST:,}",
        )  # fmt: skip
    node = _Reader(query).read()
    if not is_positive(node):
        raise _error(
            query, node.start, node.end, "this only says what must be absent",
            "add a word, a channel: or a region: that must be there (each side of an OR needs one)",
        )  # fmt: skip
    return node


def warnings(query: str) -> tuple[str, ...]:
    """Return what looks like a slip in a query that parses: an "or" that someone may have meant as the operator."""
    tokens = _tokens(query)
    between = zip(tokens, tokens[1:], tokens[2:], strict=False)
    return tuple(
        f'"{token.text}" (character {token.start + 1}) is looked for as a word; if either side will do, write OR'
        for before, token, after in between
        if token.kind == "bare" and token.text.lower() in _WARNED and token.text != "OR"
        if before.kind in _ENDS_PART and after.kind in _BEGINS_PART
    )


_ENDS_PART = frozenset({")", "quoted", "field", "bare"})
_BEGINS_PART = frozenset({"(", "-", "NOT", "quoted", "field", "bare"})


def _tokens(query: str) -> list[Token]:
    """Cut `query` into tokens; the last one is ``end``."""
    tokens: list[Token] = []
    at = 0
    while at < len(query):
        char = query[at]
        if char.isspace():
            at += 1
            continue
        if char in "()|":
            token = Token(char, char, at, at + 1)
        elif char in _MINUS and at + 1 < len(query) and not (query[at + 1].isspace() or query[at + 1] in ")|"):
            token = Token("-", char, at, at + 1)
        elif char in _QUOTES:
            token = _quoted(query, at, at)
        elif bare := _BARE.match(query, at):
            token = _bare(query, at, bare.end())
        else:
            raise _error(query, at, at + 1, "this quotation mark was never opened", "open it, or leave it out")
        tokens.append(token)
        at = token.end
    last = len(query.rstrip())
    return [*tokens, Token("end", "", last, last)]


def _quoted(query: str, start: int, opening: int, field: str = "") -> Token:
    """Read from the quotation mark at `opening` to its partner; the token begins at `start`."""
    partners = _QUOTES[query[opening]]
    close = next((at for at in range(opening + 1, len(query)) if query[at] in partners), None)
    if close is None:
        raise _error(query, opening, len(query), "this quotation mark is never closed", "close it, or leave it out")
    return Token("field" if field else "quoted", query[opening + 1 : close], start, close + 1, field)


def _bare(query: str, start: int, end: int) -> Token:
    """Read a word, ``=word``, ``word*`` or ``name:value``; its value may be quoted."""
    text = query[start:end]
    quote_follows = end < len(query) and query[end] in _QUOTES
    if text == "=" and quote_follows:
        return _quoted(query, start, end)
    if text in ("AND", "OR", "NOT"):
        return Token("|" if text == "OR" else text, text, start, end)
    if _NOT_YET.fullmatch(text):
        raise _error(query, start, end, f"{text} is not understood", "put it in quotes to look for these very words")
    field = _FIELD.fullmatch(text)
    if field is None:
        return Token("bare", text, start, end)
    name, value = field.groups()
    if name.lower() not in FIELDS:
        raise _error(query, start, start + len(name) + 1, f"there is no operator {name}:", _suggest(name, text))
    if not value and quote_follows:
        return _quoted(query, start, end, name.lower())
    if not value:
        raise _error(query, start, end, f"nothing follows {text}", f"write {text}value without a space")
    return Token("field", value, start, end, name.lower())


def _suggest(name: str, text: str) -> str:
    """Say what someone may have meant by an operator that does not exist."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), [*FIELDS, "канал", "регион", "регіон", "тег"], n=1)
    meant = {"канал": "channel", "регион": "region", "регіон": "region", "тег": "tag"}
    if close:
        return f"did you mean {meant.get(close[0], close[0])}:?"
    known = ", ".join(f"{field}:" for field in FIELDS)
    return f'the operators are {known}; to look for the words, write "{text}" in quotes'


def _error(query: str, start: int, end: int, message: str, remedy: str) -> QueryError:
    return QueryError(message, query=query, start=start, end=end, remedy=remedy)


class _Reader:
    """Goes over the tokens of one query from left to right."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = _tokens(query)
        self.at = 0
        self.depth = 0

    def read(self) -> Node:
        """Read the whole query."""
        if self.next.kind == "end":
            raise _error(self.query, 0, 1, "the query is empty", "name at least one word, channel: or region:")
        node = self.any_of()
        if self.next.kind == ")":
            raise self.wrong("this bracket was never opened", "open it, or leave it out")
        return node

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.next
        self.at += 1
        return token

    def wrong(self, message: str, remedy: str) -> QueryError:
        return _error(self.query, self.next.start, self.next.end, message, remedy)

    def any_of(self) -> Node:
        """Read ``all OR all …``."""
        nodes = [self.all_of()]
        while self.next.kind == "|":
            self.take()
            nodes.append(self.all_of())
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes), nodes[0].start, nodes[-1].end)

    def all_of(self) -> Node:
        """Read parts that stand side by side, or with AND between them."""
        nodes = [self.part()]
        while True:
            if self.next.kind == "AND":
                self.take()
            elif self.next.kind in ("|", ")", "end"):
                return nodes[0] if len(nodes) == 1 else And(tuple(nodes), nodes[0].start, nodes[-1].end)
            nodes.append(self.part())

    def part(self) -> Node:
        """Read one part: a term, a field, a bracket, or one of them negated."""
        token = self.next
        if token.kind in ("|", "AND", "end", ")"):
            what = (
                f"something to look for is missing before {token.text}" if token.text else "the query breaks off here"
            )
            raise self.wrong(what, "put a word there, or leave the operator out")
        self.take()
        if token.kind in ("-", "NOT", "("):
            self.depth += 1
            if self.depth > DEEPEST:
                raise _error(self.query, token.start, token.end, "too many brackets within brackets", "simplify it")
            node = self.bracket(token) if token.kind == "(" else self.negated(token)
            self.depth -= 1
            return node
        if token.kind == "field":
            return self.field(token)
        if token.kind == "quoted":
            return self.phrase(token, token.text, exact=True)
        return self.bare(token)

    def negated(self, token: Token) -> Node:
        node = self.part()
        return Not(node, token.start, node.end)

    def bracket(self, opening: Token) -> Node:
        if self.next.kind == ")":
            raise _error(self.query, opening.start, self.next.end, "these brackets are empty", "leave them out")
        node = self.any_of()
        if self.next.kind != ")":
            raise _error(self.query, opening.start, opening.end, "this bracket is never closed", "close it")
        self.take()
        return node

    def field(self, token: Token) -> Node:
        value = token.text.strip()
        if not value:
            raise _error(self.query, token.start, token.end, f"nothing stands in {token.field}:", "name one")
        if token.field == "strict":
            return self.phrase(token, value, exact=True)
        if token.field == "region":
            return Region(value, token.start, token.end)
        return (Tag if token.field == "tag" else Channel)(value, token.start, token.end)

    def bare(self, token: Token) -> Node:
        text = token.text
        if text.startswith("="):
            return self.phrase(token, text[1:], exact=True)
        return self.phrase(token, text, exact=False)

    def phrase(self, token: Token, text: str, *, exact: bool) -> Node:
        """Make one term, or a phrase where `text` is cut into several words (``Нью-Йорк``)."""
        if text and text in _MINUS:
            raise _error(
                self.query, token.start, token.end, "this dash stands alone",
                "write -word without a space, or leave the dash out",
            )  # fmt: skip
        prefix = token.kind == "bare" and text.endswith("*")
        cut = words(text)
        if not cut:
            raise _error(
                self.query, token.start, token.end, f"there is no letter or digit in {token.text}",
                "signs and emoji are not looked for; leave it out",
            )  # fmt: skip
        if token.kind == "bare" and "*" in text.rstrip("*"):
            raise _error(self.query, token.start, token.end, "a * may only end a word", "write the beginning and a *")
        if prefix and len(cut[-1].form) < SHORTEST_PREFIX:
            raise _error(
                self.query, token.start, token.end, f"{text} begins too many words",
                f"give at least {SHORTEST_PREFIX} letters before the *",
            )  # fmt: skip
        terms: list[Term] = []
        for word in cut:
            kind = Prefix if prefix and word is cut[-1] else Strict if exact else Word
            terms.append(kind(text[word.start : word.end], token.start, token.end))
        return terms[0] if len(terms) == 1 else Phrase(tuple(terms), token.start, token.end)
