"""Forms: what counts as the same word, and what does not."""

import subprocess
import sys

import pytest

from channelwatch.text.fold import fold
from channelwatch.text.forms import forms


@pytest.mark.parametrize(
    ("word", "others"),
    [
        ("обстрел", "обстрела обстрелу обстрелом обстреле обстрелы обстрелов обстрелами"),
        ("обстрелами", "обстрел обстрелов"),
        ("обстріл", "обстрілу обстріли обстрілів обстрілами"),
        ("человек", "люди людей человека"),
        ("люди", "человек людьми людина"),
        ("дети", "ребёнок ребенка детьми"),
        ("год", "лет годы"),
        ("идти", "шёл шла идёт идущий"),
        ("шёл", "идти шли"),
        ("хороший", "лучше хорош лучший"),
        ("взорвать", "взорвал взорванный взорвав взорвался взорван"),
        ("обстріляти", "обстріляли обстріляно обстріляний обстрілявши"),
        ("новий", "нового новіший найновіший"),
        ("добрий", "кращий найкращого"),
        ("людина", "люди людей"),
        ("сел", "село села"),
        ("мосту", "мост мосты"),
        ("стали", "сталь стать стало"),
        ("ёлка", "елки ёлок"),
        ("елка", "ёлку"),
        ("здоров’я", "здоров'ю здоровʼям"),
        ("пятниця", "п'ятниці п'ятницю"),
        ("Белгoрoд", "белгорода белгороде"),  # Latin o
        ("за́мок", "замка замки"),
        ("Козинка", "козинке козинку козинки козинці"),
        ("козинка", "козинке козинкой"),
        ("Шебекино", "шебекина шебекину шебекине шебекином"),
        ("шахед", "шахеда шахеды шахедов шахедами шахеди"),
        ("шахедов", "шахед шахеды"),
        ("Пригожин", "пригожина пригожиным пригожиним"),
        ("Подъельский", "подъельского подъельской подъельским"),
        ("Мухозбруївка", "мухозбруївки мухозбруївці мухозбруївку"),
        ("росгвардия", "росгвардии росгвардией"),
        ("нейросеть", "нейросети нейросетей"),
        ("drone", "drones"),
        ("strikes", "strike struck striking"),
        ("killed", "kill killing kills"),
        ("bombing", "bomb bombed"),
        ("cities", "city"),
        ("man", "men"),
        ("stopped", "stop stopping"),
        ("Ukraine", "Ukraine's Ukraine’s"),
    ],
)
def test_a_word_stands_for_these(word: str, others: str) -> None:
    assert {fold(other) for other in others.split()} <= forms(word)
    assert fold(word) in forms(word)


@pytest.mark.parametrize(
    ("word", "others"),
    [
        ("обстрел", "обстрелять обстреляли обстреливать"),
        ("мост", "мостовая мостовой мостик"),
        ("взорвать", "взрывать взрыв"),
        ("загроза", "загрозы"),
        ("ВСУ", "вс вса всы"),
        ("РСЗО", "рсзы рсза"),
        ("news", "new"),
        ("gas", "ga"),
        ("stop", "stoping"),
        ("5", "5s"),
    ],
)
def test_a_word_does_not_stand_for_these(word: str, others: str) -> None:
    assert forms(word).isdisjoint(others.split())


def test_all_forms_are_folded_and_the_longest_answer_is_bounded() -> None:
    for word in ("ёлка", "об'єкт", "Взорвать", "їжак", "Straße"):
        assert all(fold(form) == form for form in forms(word))
        assert len(forms(word)) < 400


@pytest.mark.parametrize("word", ["", "x", "!", "\ud800", "а" * 5000, "т72б3", "'", "ʼ'", "ЪЫЬ", "u1e922", "ґґґґґ"])
def test_any_text_has_itself_for_a_form(word: str) -> None:
    assert fold(word) in forms(word)


def test_english_words_need_no_dictionary() -> None:
    code = "from channelwatch.text.forms import forms; forms('drone'); import sys; print('pymorphy3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
