"""What a query says, as a tree of plain values.

Every node knows its place in the query as typed (half-open code points), for errors and explanations.
"""

from typing import TypeAlias

import msgspec


class Word(msgspec.Struct, frozen=True):
    """``обстрел``: the word in any of its forms."""

    text: str
    start: int
    end: int


class Strict(msgspec.Struct, frozen=True):
    """``=обстрел``, ``strict:обстрел``: this very form, folded."""

    text: str
    start: int
    end: int


class Prefix(msgspec.Struct, frozen=True):
    """``обстрел*``: every word that begins so."""

    text: str
    start: int
    end: int


Term: TypeAlias = Word | Strict | Prefix
"""What stands for one word of a text."""


class Phrase(msgspec.Struct, frozen=True):
    """Words that follow each other: ``"exact phrase"`` (each a `Strict`), ``Нью-Йорк`` (each a `Word`)."""

    terms: tuple[Term, ...]
    start: int
    end: int


class Channel(msgspec.Struct, frozen=True):
    """``channel:name``, ``from:name``: by name now or before, alias, or id."""

    value: str
    start: int
    end: int


class Tag(msgspec.Struct, frozen=True):
    """``tag:official``: channels that carry the tag."""

    value: str
    start: int
    end: int


class Region(msgspec.Struct, frozen=True):
    """``region:Белгородская``: posts that speak of the region; by name or code."""

    value: str
    start: int
    end: int


class Not(msgspec.Struct, frozen=True):
    """``-x``, ``NOT x``."""

    node: "Node"
    start: int
    end: int


class And(msgspec.Struct, frozen=True):
    """All of them; what stands side by side."""

    nodes: tuple["Node", ...]
    start: int
    end: int


class Or(msgspec.Struct, frozen=True):
    """Any of them."""

    nodes: tuple["Node", ...]
    start: int
    end: int


Node: TypeAlias = Word | Strict | Prefix | Phrase | Channel | Tag | Region | Not | And | Or


def walk(node: Node) -> "list[Node]":
    """Return `node` and everything below it, in the order of the query."""
    found = [node]
    for below in node.nodes if isinstance(node, And | Or) else (node.node,) if isinstance(node, Not) else ():
        found.extend(walk(below))
    return found


def is_positive(node: Node) -> bool:
    """Tell whether a post must hold something to meet `node`; false where absence is enough."""
    if isinstance(node, Not):
        return False
    if isinstance(node, And):
        return any(map(is_positive, node.nodes))
    return all(map(is_positive, node.nodes)) if isinstance(node, Or) else True
