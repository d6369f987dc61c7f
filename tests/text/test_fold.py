"""The fold: what becomes the same, what stays apart, and that it rests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.text.fold import ALPHABET, fold, fold_with_offsets
from channelwatch.text.letters import unmix
from tests.text.test_words import TEXT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ещё ЁЛКА", "еще елка"),
        ("Їжак їде до Ґалаґана", "їжак їде до ґалаґана"),
        ("и\u0306 і\u0308", "й ї"),
        ("за́мок", "замок"),
        ("П’ять об`єктів", "пять обєктів"),
        ("«Град» — 5 № ™ 🔥", "«град» — 5 № ™ 🔥"),
        ("ﬁne ＡＢＣ", "fine abc"),
        ("ẞ ΑΣ", "ss ας".replace("ς", "σ")),
    ],
)
def test_the_fold_of_a_text(text: str, expected: str) -> None:
    assert fold(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("бeлгopoд", "белгород"), ("kиевe", "киеве"), ("штормz", "штормz"), ("gо", "go"), ("cо", "со"), ("αбв", "абв")],
)
def test_look_alikes_change_only_where_the_whole_word_then_reads_in_one_script(word: str, expected: str) -> None:
    assert unmix(word) == expected


@settings(deadline=None)
@given(TEXT)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@settings(deadline=None)
@given(st.one_of(st.text(st.sampled_from(ALPHABET), max_size=60), TEXT))
def test_the_short_cuts_agree_with_the_definition(text: str) -> None:
    assert fold(text) == fold_with_offsets(text).text


@settings(deadline=None)
@given(TEXT)
def test_every_folded_character_knows_where_it_came_from(text: str) -> None:
    folded = fold_with_offsets(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert folded.starts == sorted(folded.starts)
    assert all(0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True))


def test_a_hostile_text_takes_no_longer_than_its_length() -> None:
    for text in (
        "\u0301\u0323" * 40_000,
        "a'" * 40_000,
        "\u1100\u1161\u11a8" * 20_000,
        "а\u200d" * 40_000,
        "𞤀" * 40_000,
    ):
        assert fold(fold(text)) == fold(text)
