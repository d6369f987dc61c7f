"""Asking for a part of the regions tells the same as asking for all and keeping that part."""

from hypothesis import given, settings
from hypothesis import strategies as st

from channelwatch.places import Gazetteer
from channelwatch.text.words import words

_PIECES = [
    "Белгород",
    "Белгороде",
    "Козинка",
    "Козинці",
    "Грайворон",
    "Грайворонский",
    "район",
    "области",
    "область",
    "обл",
    "Курская",
    "Курск",
    "Харьков",
    "у",
    "в",
    "из",
    "с.",
    "село",
    "и",
    "та",
    "Красное",
    "Новая",
    "Таволжанка",
    "улица",
    "Иван",
    "Октябрьский",
    "Старый",
    "Оскол",
    "Kozinka",
    "near",
    "Belgorod",
    "region",
    "Москва",
    "ДНР",
    "БПЛА",
    "Ростов",
    "на",
    "Дону",
    "Донецька",
    "Сум",
    "#Суми",
    "Киев",
    "р-н",
    "Приморско",
    "-",
    "Ахтарск",
    "«Белгород»",
    "Нью-Йорк",
]
_texts = st.lists(
    st.tuples(st.sampled_from(_PIECES), st.sampled_from([" ", " ", " ", ", ", ". ", "\n", "-", "🔥", ""])), max_size=14
).map(lambda parts: "".join(piece + gap for piece, gap in parts))


@settings(max_examples=300, deadline=None)
@given(_texts)
def test_the_regions_asked_for_do_not_change_what_is_told_of_them(text: str) -> None:
    gazetteer = Gazetteer.load()
    every = [region.code for region in gazetteer.regions]
    cut = words(text)
    everything = gazetteer.mentions(text, cut, every)
    for code in ("RU-BEL", "UA-63", "RU-KRS"):
        assert gazetteer.mentions(text, cut, [code]) == [mention for mention in everything if mention.region == code]


@settings(max_examples=300, deadline=None)
@given(_texts)
def test_spans_lie_in_the_text_in_order(text: str) -> None:
    gazetteer = Gazetteer.load()
    mentions = gazetteer.mentions(text, words(text), [region.code for region in gazetteer.regions], minimum="weak")
    assert [mention.start for mention in mentions] == sorted(mention.start for mention in mentions)
    for mention in mentions:
        assert 0 <= mention.start < mention.end <= len(text)
        assert text[mention.start : mention.end] == mention.text
