"""Make a query ready to be asked: words become all their forms, regions become codes."""

import re
from typing import TYPE_CHECKING

from channelwatch.errors import QueryError
from channelwatch.query.evaluate import (
    AllOf,
    AnyOf,
    Begins,
    Evidence,
    InARow,
    InChannel,
    InRegion,
    Lacks,
    Matcher,
    OneOf,
    Tagged,
)
from channelwatch.query.node import And, Channel, Node, Not, Or, Phrase, Prefix, Region, Strict, Tag, Term
from channelwatch.query.parse import parse, warnings
from channelwatch.query.subject import Subject
from channelwatch.text.fold import fold
from channelwatch.text.words import words

if TYPE_CHECKING:
    from channelwatch.places import Gazetteer

_LINK = re.compile(r"(?:https?://)?(?:t|telegram)\.me/(?:s/)?([^/?#]+).*", re.IGNORECASE | re.DOTALL)
_ID = re.compile(r"(?:-100|-)?(\d+)")


class Query:
    """A compiled query: the same thing for a rule, a search and a test of a rule.

    `source` is the query as typed, `node` its tree, `matcher` what evaluates it, `regions` the codes of the regions it
    names, `warnings` what looks like a slip in it.
    """

    __slots__ = ("matcher", "node", "regions", "source", "warnings")

    def __init__(self, source: str, node: Node, matcher: Matcher, regions: frozenset[str]) -> None:
        """Made by `compile_query`."""
        self.source = source
        self.node = node
        self.matcher = matcher
        self.regions = regions
        self.warnings = warnings(source)

    def __repr__(self) -> str:
        """Show the query as typed."""
        return f"Query({self.source!r})"

    def evaluate(self, subject: Subject) -> Evidence | None:
        """Return why `subject` meets the query (spans and mentions in order, each once), or None if it does not."""
        subject.expect(self.regions)
        if not self.matcher.holds(subject):
            return None
        found = self.matcher.show(subject)
        if not found.mentions:
            return Evidence(tuple(sorted(set(found.spans)))) if len(found.spans) > 1 else found
        mentions = {(mention.start, mention.end, mention.region): mention for mention in found.mentions}
        return Evidence(tuple(sorted(set(found.spans))), tuple(mentions[key] for key in sorted(mentions)))


def compile_query(query: str, *, gazetteer: "Gazetteer | None" = None) -> Query:
    """Return `query` ready to be asked; raise `QueryError` with the spot where it can't be understood.

    Without a `gazetteer` the built-in one is loaded, and only for a query that names a region.
    """
    node = parse(query)
    compiler = _Compiler(query, gazetteer)
    return Query(query, node, compiler.matcher(node), frozenset(compiler.regions))


class _Compiler:
    """Turns the nodes of one query into matchers."""

    def __init__(self, query: str, gazetteer: "Gazetteer | None") -> None:
        self.query = query
        self.gazetteer = gazetteer
        self.regions: set[str] = set()

    def matcher(self, node: Node) -> Matcher:
        """Return what evaluates `node`."""
        if isinstance(node, And):
            return AllOf([self.matcher(part) for part in node.nodes])
        if isinstance(node, Or):
            return AnyOf([self.matcher(part) for part in node.nodes])
        if isinstance(node, Not):
            return Lacks(self.matcher(node.node))
        if isinstance(node, Phrase):
            return InARow(self.typed(node), [self.term(term) for term in node.terms])
        if isinstance(node, Channel):
            return _channel(node.value)
        if isinstance(node, Tag):
            return Tagged(fold(node.value))
        if isinstance(node, Region):
            return self.region(node)
        return self.term(node)

    def typed(self, node: Node) -> str:
        """Return the part of the query that `node` came from."""
        return self.query[node.start : node.end]

    def term(self, term: Term) -> OneOf | Begins:
        """Return what one word of a text must be."""
        form = words(term.text)[0].form
        if isinstance(term, Prefix):
            return Begins(self.typed(term), form)
        if isinstance(term, Strict):
            return OneOf(self.typed(term), frozenset((form,)))
        from channelwatch.text.forms import forms

        return OneOf(self.typed(term), forms(term.text))

    def region(self, node: Region) -> Matcher:
        """Resolve a region's name; the error of an unknown one names the spot."""
        if self.gazetteer is None:
            from channelwatch.places import Gazetteer

            self.gazetteer = Gazetteer.load()
        try:
            region = self.gazetteer.region(node.value)
        except LookupError as error:
            near = getattr(error, "suggestions", ())
            raise QueryError(
                f"no region is called {node.value}",
                query=self.query,
                start=node.start,
                end=node.end,
                remedy=f"did you mean {' or '.join(near)}?" if near else "give its name or its ISO 3166-2 code",
            ) from None
        self.regions.add(region.code)
        return InRegion(self.gazetteer, region.code)


def _channel(value: str) -> InChannel:
    """Understand a channel as people write it: ``@name``, a link, ``-100…``, an alias."""
    link = _LINK.fullmatch(value)
    name = fold(link[1] if link else value).removeprefix("@")
    number = _ID.fullmatch(name)
    return InChannel(frozenset((name,)), frozenset((int(number[1]),) if number else ()))
