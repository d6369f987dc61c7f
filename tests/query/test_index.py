"""The index of rules answers as evaluating each rule does."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.places import Gazetteer
from channelwatch.query import Query, RuleIndex, Source, Subject, compile_query
from tests.query.world import BAZA, OTHER, SmallGazetteer, compiled

POSTS = Path(__file__).parents[2].parent / "shared" / "data" / "posts.jsonl"

WORDS = ("дом", "дома", "домик", "взрыв", "взрывы", "белгород", "курск", "суджа", "в", "drone", "drones")
TERM = st.sampled_from(
    (
        *WORDS, "=дома", "дом*", "взр*", '"дом взрыв"', '"в дом"', "дом-взрыв", "channel:baza", "tag:news", "from:5",
        "region:белгород", "region:курск",
    )
)  # fmt: skip
QUERY = st.recursive(
    TERM,
    lambda below: st.one_of(
        st.lists(below, min_size=2, max_size=3).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(below, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
        st.tuples(below, below).map(lambda parts: f"({parts[0]} -{parts[1]})"),
    ),
    max_leaves=6,
)
TEXT = st.lists(st.sampled_from((*WORDS, "—", "🔥")), max_size=8).map(" ".join)


def one_by_one(rules: list[tuple[str, Query]], text: str, channel: Source) -> list[tuple[str, object]]:
    each = [(name, query.evaluate(Subject(text, channel))) for name, query in rules]
    return [(name, evidence) for name, evidence in each if evidence is not None]


@settings(deadline=None)
@given(st.lists(QUERY, max_size=5), TEXT, st.sampled_from((BAZA, OTHER)))
def test_the_index_answers_as_each_query_does(queries: list[str], text: str, channel: Source) -> None:
    gazetteer = SmallGazetteer()
    rules = [(query, compiled(query, gazetteer)) for query in queries]
    assert RuleIndex(rules).match(Subject(text, channel)) == one_by_one(rules, text, channel)


def test_the_gazetteer_is_asked_once_about_a_text_for_all_rules_together() -> None:
    gazetteer = SmallGazetteer()
    queries = ("region:белгород", "region:курск", "взрыв region:курск", "дом -region:белгород", "взрыв region:белгород")
    index = RuleIndex([(query, compiled(query, gazetteer)) for query in queries])
    met = index.match(Subject("Взрыв дома: Белгород и Курск", BAZA))
    assert [key for key, _ in met] == [query for query in queries if not query.startswith("дом")]
    assert gazetteer.calls == 1


def test_a_text_that_no_rule_can_meet_is_not_looked_up() -> None:
    gazetteer = SmallGazetteer()
    index = RuleIndex(
        [(1, compiled("взрыв region:курск", gazetteer)), (2, compiled("дрон region:белгород", gazetteer))]
    )
    assert len(index) == 2
    assert index.match(Subject("Курск и Белгород", BAZA)) == []
    assert gazetteer.calls == 0


def test_an_index_without_rules_meets_nothing() -> None:
    assert RuleIndex([]).match(Subject("дом", BAZA)) == []


def test_real_posts_are_matched_by_the_index_as_by_each_rule() -> None:
    if not POSTS.exists():
        pytest.skip("the shared posts are not here")
    with POSTS.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines][::40]
    gazetteer = Gazetteer.load()
    queries = [
        "обстрел OR взрыв OR удар -учения", "беспилотник region:RU-BEL", "region:RU-KRS", "region:RU-BRY -region:RU-KRS",
        '"в результате"', "ракет* опасность", "Белгородская-область", "drone | strike", "губернатор (погиб OR ранен)",
        "region:UA-63 OR region:UA-14", "президент -Путин", "военн* техника",
    ]  # fmt: skip
    rules = [(query, compile_query(query, gazetteer=gazetteer)) for query in queries]
    index = RuleIndex(rules)
    met = 0
    for text in texts:
        answer = index.match(Subject(text, OTHER))
        assert answer == one_by_one(rules, text, OTHER)
        met += len(answer)
    assert met > 50
