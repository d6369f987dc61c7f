"""Print how well and how fast places are told: precision and recall on labelled posts, posts per CPU second, start.

    .venv/bin/python benchmarks/places.py [--data ../shared/data] [--errors]

Labelled files: every first-level region is asked for at once. The gazetteer's rules were tuned on these two files
and on reading hits in ``posts.jsonl``; none of them is a held-out set. ``geo_events.jsonl`` (English) was not tuned on.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

START = time.perf_counter()
from channelwatch.places import Gazetteer  # noqa: E402 - the import is part of what is timed
from channelwatch.text.words import words  # noqa: E402

IMPORTED = time.perf_counter()


def read(file: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON lines file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def score(gazetteer: Gazetteer, posts: list[dict[str, Any]], *, errors: bool) -> None:
    """Print right, wrong and missed (post, region) pairs, over all regions and for Belgorod Oblast alone."""
    every = [region.code for region in gazetteer.regions]
    counts = {"all": [0, 0, 0], "RU-BEL": [0, 0, 0]}
    for post in posts:
        gold = {code for code in post["regions"] if "-" in code}
        found = {mention.region for mention in gazetteer.mentions(post["text"], words(post["text"]), every)}
        for name, right, wrong, missed in (
            ("all", gold & found, found - gold, gold - found),
            *([("RU-BEL", *({"RU-BEL"} & part for part in (gold & found, found - gold, gold - found)))]),
        ):
            for i, part in enumerate((right, wrong, missed)):
                counts[name][i] += len(part)
        if errors and gold != found:
            print("   ", sorted(found - gold), "not", sorted(gold - found), "|", " ".join(post["text"].split())[:110])
    for name, (right, wrong, missed) in counts.items():
        precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
        print(f"  {name:7} right {right}, wrong {wrong}, missed {missed}: P {precision:.3f} R {recall:.3f}")


def events(gazetteer: Gazetteer, rows: list[dict[str, Any]]) -> None:
    """Print how often the labelled region of an event is told, among texts that name the labelled place."""
    every = [region.code for region in gazetteer.regions]
    right = named = told = wrong = 0
    for row in rows:
        text = row["text"]
        if not row["admin1"] or not row["place"] or row["place"].casefold() not in text.casefold():
            continue
        try:
            gold = gazetteer.region(row["admin1"]).code
        except LookupError:
            continue
        named += 1
        found = {mention.region for mention in gazetteer.mentions(text, words(text), every)}
        right += gold in found
        told += len(found)
        wrong += len(found - {gold})
    print(
        f"  {named} events whose text names the place: region told in {right} (R {right / max(named, 1):.3f}), ", end=""
    )
    print(f"{wrong} other regions told beside")


def speed(gazetteer: Gazetteer, posts: list[dict[str, Any]], asked: list[str]) -> None:
    """Print posts per CPU second, words() excluded, first and second time."""
    line = [(post["text"] or "", words(post["text"] or "")) for post in posts]
    rates = []
    for _ in range(2):
        start = time.process_time()
        hits = sum(bool(gazetteer.mentions(text, cut, asked)) for text, cut in line)
        rates.append(len(line) / (time.process_time() - start))
    print(
        f"  {len(asked):3} regions: cold {rates[0]:,.0f}, warm {rates[1]:,.0f} posts/s; {hits} of {len(line)} posts hit"
    )


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1].parent / "shared" / "data")
    parser.add_argument("--errors", action="store_true", help="list the posts that went wrong")
    options = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    opening = time.perf_counter()
    gazetteer = Gazetteer.load()
    opened = time.perf_counter()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"start: imports {1000 * (IMPORTED - START):.0f} ms, open {1000 * (opened - opening):.0f} ms, ", end="")
    print(f"+{(after - before) / 1024:.1f} MB")
    if not options.data.is_dir():
        raise SystemExit(f"no labelled posts in {options.data}; give --data")
    posts = read(options.data / "posts.jsonl")
    print("speed on posts.jsonl:")
    speed(gazetteer, posts, ["RU-BEL"])
    print()
    speed(gazetteer, posts[:4000], [region.code for region in gazetteer.regions])
    for name in ("region_gold_border.jsonl", "region_gold_ua_headlines.jsonl"):
        print(f"{name}:")
        score(gazetteer, read(options.data / name), errors=options.errors)
    print("geo_events.jsonl:")
    events(gazetteer, read(options.data / "geo_events.jsonl"))


if __name__ == "__main__":
    main()
