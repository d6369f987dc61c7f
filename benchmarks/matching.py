"""How fast texts are folded, cut and matched, against what a peer does and what the machine can do.

Usage: ``python benchmarks/matching.py [POSTS.jsonl]``. CPU time of one process; the contestants take turns, round
after round, and the best round of each counts, so that a busy machine hurts all alike. The peer is the usual keyword
bot: one ``in`` per keyword on the lower-cased text, no word forms. The limit is lower-casing and encoding the text.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from channelwatch.query import RuleIndex, Source, Subject, compile_query
from channelwatch.text.fold import fold
from channelwatch.text.forms import forms
from channelwatch.text.words import index_words, words

POSTS = Path(__file__).parents[2] / "shared" / "data" / "posts.jsonl"
SOURCE = Source(id=1, name="bench")
ROUNDS = 5
MOST = 4000


def read(file: Path) -> list[str]:
    """Return the texts that are as long as a usual post (200 to 1,000 characters)."""
    with file.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    usual = [text for text in texts if 200 <= len(text) <= 1000]
    return random.Random(1).sample(usual, min(MOST, len(usual)))


def vocabulary(texts: list[str], count: int) -> list[str]:
    """Return words that posts hold now and then, the same ones in every run."""
    seen = Counter(form for text in texts for form in set(index_words(text).split()))
    middling = sorted(word for word, posts in seen.items() if 3 <= posts <= 40 and len(word) >= 5 and word.isalpha())
    return random.Random(2).choices(middling, k=count)


def rules(texts: list[str], count: int) -> tuple[list[str], list[str]]:
    """Return queries of one to four words, a fifth with an OR, three in ten with an exclusion, and their words."""
    draw = random.Random(3)
    pick = iter(vocabulary(texts, count * 6))
    queries, keywords = [], []
    for _ in range(count):
        terms = [next(pick) for _ in range(draw.randint(1, 4))]
        keywords += terms
        if draw.random() < 0.2:
            keywords.append(next(pick))
            terms[-1] = f"({terms[-1]} OR {keywords[-1]})"
        queries.append(" ".join(terms) + (f" -{next(pick)}" if draw.random() < 0.3 else ""))
    return queries, keywords


def main() -> None:
    """Run all contestants and print one table."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else POSTS
    texts = read(file)
    letters = sum(map(len, texts)) / len(texts)
    contestants: dict[str, Callable[[str], object]] = {
        "limit: lower() and encode": lambda text: text.lower().encode(),
        "index_words": index_words,
        "words (with spans)": words,
        "fold": fold,
    }
    for count in (100, 1000):
        queries, keywords = rules(texts, count)
        started = time.process_time()
        compiled = [(query, compile_query(query)) for query in queries]
        print(f"compile {count} rules, {len(keywords)} words: {time.process_time() - started:.2f} s CPU")
        index = RuleIndex(compiled)
        met = sum(len(index.match(Subject(text, SOURCE))) for text in texts)
        print(f"    {met / len(texts):.2f} matches a post")
        contestants[f"rule index, {count} rules"] = lambda text, index=index: index.match(Subject(text, SOURCE))
        contestants[f"peer: substring loop, {count} rules"] = lambda text, keywords=keywords: [
            keyword for lowered in (text.lower(),) for keyword in keywords if keyword in lowered
        ]
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            started = time.process_time()
            for text in texts:
                contestant(text)
            best[name] = min(best[name], time.process_time() - started)
    rate = {name: len(texts) / seconds for name, seconds in best.items()}
    limit = rate["limit: lower() and encode"]
    print(f"{len(texts)} posts of {letters:.0f} characters; posts per CPU-second, the best of {ROUNDS} rounds")
    print(f"{'':36}{'posts/s':>10}{'of limit':>10}{'of peer':>10}{'target':>10}")
    targets = {"index_words": 25_000, "rule index, 100 rules": 40_000}
    for name, posts in rate.items():
        peer = rate.get(f"peer: substring loop, {name.split(', ')[-1]}")
        print(
            f"{name:36}{posts:10,.0f}{posts / limit:10.3f}{f'{posts / peer:.1f} x' if peer else '':>10}"
            f"{f'{targets[name]:,}' if name in targets else '':>10}"
        )
    cold = time.process_time()
    distinct = sorted(set(vocabulary(texts, 500)))
    forms.cache_clear()
    for word in distinct:
        forms(word)
    print(f"forms of a word, dictionaries loaded: {(time.process_time() - cold) / len(distinct) * 1000:.2f} ms")
    compile_query(distinct[0])
    warm = time.process_time()
    for _ in range(200):
        compile_query(distinct[0])
    print(f"compile a word whose forms are cached: {(time.process_time() - warm) / 200 * 1000:.3f} ms")


if __name__ == "__main__":
    main()
