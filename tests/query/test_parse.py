"""Reading queries: the tree, and what is said about a mistake."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.errors import QueryError
from channelwatch.query import compile_query, parse
from channelwatch.query.node import And, Channel, Not, Or, Phrase, Prefix, Region, Strict, Tag, Word, walk
from channelwatch.query.parse import warnings
from tests.query.world import compiled


def shape(query: str) -> str:
    def of(node: object) -> str:
        match node:
            case Word(text) | Strict(text) | Prefix(text):
                return {Word: "", Strict: "=", Prefix: "*"}[type(node)] + text
            case Phrase(terms):
                return "<" + " ".join(map(of, terms)) + ">"
            case Channel(value) | Tag(value) | Region(value):
                return f"{type(node).__name__}:{value}"
            case Not(inner):
                return "-" + of(inner)
            case And(nodes):
                return "(" + " ".join(map(of, nodes)) + ")"
            case Or(nodes):
                return "(" + " | ".join(map(of, nodes)) + ")"
        raise AssertionError(node)

    return of(parse(query))


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("a b", "(a b)"),
        ("a OR b c", "(a | (b c))"),
        ("(a|b) c", "((a | b) c)"),
        ("a -b", "(a -b)"),
        ("a –b", "(a -b)"),
        ("a NOT (b c)", "(a -(b c))"),
        ("a AND NOT b", "(a -b)"),
        ("a-b", "<a b>"),
        ("a,b.", "<a b>"),
        ('"a b" «c» “d” „e“ "f"-g', "(<=a =b> =c =d =e =f -g)"),
        ("=a strict:b ='c'", "(=a =b =c)"),
        ("ab* нью-йорк*", "(*ab <нью *йорк>)"),
        ('channel:@a from:"b c" tag:d region:e', "(Channel:@a Channel:b c Tag:d Region:e)"),
        ("Channel:a", "Channel:a"),
        ("or and not near", "(or and not near)"),
        ("((a))", "a"),
        ("a\n\tb", "(a b)"),
        ("12:30", "<12 30>"),
    ],
)
def test_a_query_reads_as(query: str, tree: str) -> None:
    assert shape(query) == tree


@pytest.mark.parametrize(
    ("query", "spot", "says"),
    [
        ("", (0, 1), "empty"),
        ("  ", (0, 1), "empty"),
        ('взрыв "дом', (6, 10), "never closed"),
        ("взрыв дом»", (9, 10), "never opened"),
        ("a (b c", (2, 3), "never closed"),
        ("a b)", (3, 4), "never opened"),
        ("a ()", (2, 4), "empty"),
        ("a OR", (4, 5), "breaks off"),
        ("OR a", (0, 2), "before OR"),
        ("a | | b", (4, 5), "before |"),
        ("a NOT", (5, 6), "breaks off"),
        ("-a", (0, 2), "absent"),
        ("-a -b", (0, 5), "absent"),
        ("a OR -b", (0, 7), "absent"),
        ("regoin:x", (0, 7), "did you mean region:"),
        ("канал:x", (0, 6), "did you mean channel:"),
        ("a https://t.me", (2, 8), "in quotes"),
        ("channel:", (0, 8), "without a space"),
        ('a channel:""', (2, 12), "name one"),
        ("a - b", (2, 3), "stands alone"),
        ('a ""', (2, 4), "no letter or digit"),
        ("a 🔥", (2, 3), "no letter or digit"),
        ('a "!"', (2, 5), "no letter or digit"),
        ("a*b", (0, 3), "only end"),
        ("*b", (0, 2), "only end"),
        ("a b*", (2, 4), "at least 2"),
        ("a NEAR/5 b", (2, 8), "not understood"),
        ("/a.*b/i", (0, 7), "not understood"),
        ("~дрон", (0, 5), "not understood"),
        ("(" * 50 + "a" + ")" * 50, (30, 31), "too many brackets"),
        ("a" * 10_001, (10_000, 10_001), "split"),
        ("взрыв region:Атлантида", (6, 22), "no region is called"),
    ],
)
def test_a_mistake_is_named_with_its_spot_and_a_remedy(query: str, spot: tuple[int, int], says: str) -> None:
    with pytest.raises(QueryError) as caught:
        compiled(query)
    assert (caught.value.start, caught.value.end) == spot
    assert says in str(caught.value)
    assert " — " in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    ("query", "count"), [("a or b", 1), ("a или b або c", 2), ("or", 0), ("a OR b", 0), ("or a", 0)]
)
def test_an_or_that_is_only_a_word_is_warned_about(query: str, count: int) -> None:
    assert len(warnings(query)) == count
    assert compile_query(query).warnings == warnings(query)


@settings(deadline=None)
@given(st.text(st.sampled_from('ab()|"«»-=*: ORNTDchanel:\ud800🔥'), max_size=40))
def test_any_text_parses_or_is_refused_with_a_spot_inside_it(query: str) -> None:
    try:
        node = parse(query)
    except QueryError as caught:
        error = caught
    else:
        assert all(0 <= below.start < below.end <= len(query) for below in walk(node))
        return
    assert 0 <= error.start < error.end <= max(len(query), error.start) + 1
    assert error.remedy
