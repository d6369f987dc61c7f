"""Precision and recall on labelled posts; the texts stay outside of the project."""

import json
from pathlib import Path

import pytest

from channelwatch.places import Gazetteer
from channelwatch.text.words import words

DATA = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.mark.parametrize(
    ("file", "precision", "recall"),
    [("region_gold_border.jsonl", 0.97, 0.95), ("region_gold_ua_headlines.jsonl", 0.95, 0.92)],
)
def test_regions_of_labelled_posts_are_told(file: str, precision: float, recall: float) -> None:
    if not (DATA / file).exists():
        pytest.skip(f"{file} is not on this machine")
    gazetteer = Gazetteer.load()
    every = [region.code for region in gazetteer.regions]
    right = told = labelled = 0
    for line in (DATA / file).read_text(encoding="utf-8").splitlines():
        post = json.loads(line)
        gold = {code for code in post["regions"] if "-" in code}
        found = {mention.region for mention in gazetteer.mentions(post["text"], words(post["text"]), every)}
        right, told, labelled = right + len(gold & found), told + len(found), labelled + len(gold)
    assert right / told >= precision
    assert right / labelled >= recall
