import pytest

from channelwatch.places import Gazetteer, Mention, Region, UnknownRegion
from channelwatch.text.words import words

BORDER = "RU-BEL"


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load()


def heard(gazetteer: Gazetteer, text: str, *regions: str, home: tuple[str, ...] = ()) -> list[Mention]:
    return gazetteer.mentions(text, words(text), regions or (BORDER,), home)


def listed(texts: str) -> list[str]:
    return [
        text.strip().replace("¶", "\n") for line in texts.splitlines() for text in line.split(" | ") if text.strip()
    ]


def test_loading_twice_gives_the_same_gazetteer() -> None:
    assert Gazetteer.load() is Gazetteer.load()


def test_every_first_level_region_of_the_three_countries_is_there(gazetteer: Gazetteer) -> None:
    codes = [region.code for region in gazetteer.regions]
    assert len(codes) == len(set(codes)) == 83 + 27 + 7
    assert sum(code.startswith("UA-") for code in codes) == 27


@pytest.mark.parametrize(
    "name",
    [
        "RU-BEL", "ru-bel", "Белгородская область", "белгородская обл.", "Белгородской области", "Белгородчина", "на Белгородчине",
        "Бєлгородщина", "Бєлгородська область", "Білгородська область", "Belgorod Oblast", "Belgorod region", "Бгд", "Белгород", "Belgorod",
    ],
)  # fmt: skip
def test_a_region_goes_by_any_of_its_names(gazetteer: Gazetteer, name: str) -> None:
    assert gazetteer.region(name.removeprefix("на ")) == Region("RU-BEL", "Белгородская область")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Крым", "UA-43"), ("Республика Крым", "UA-43"), ("ДНР", "UA-14"), ("Донецкая Народная Республика", "UA-14"),
        ("Донеччина", "UA-14"), ("ЛНР", "UA-09"), ("Москва", "RU-MOW"), ("Московская область", "RU-MOS"),
        ("Київ", "UA-30"), ("Київська область", "UA-32"), ("Київщина", "UA-32"), ("Минск", "BY-HM"), ("Санкт-Петербург", "RU-SPE"),
        ("Татарстан", "RU-TA"), ("Краснодарский край", "RU-KDA"), ("Kharkiv Oblast", "UA-63"), ("Закарпаття", "UA-21"),
        ("Якутия", "RU-SA"), ("Ханты-Мансийский автономный округ", "RU-KHM"), ("Сумщина", "UA-59"),
    ],
)  # fmt: skip
def test_disputed_and_other_regions_have_one_code_each(gazetteer: Gazetteer, name: str, code: str) -> None:
    assert gazetteer.region(name).code == code


def test_every_region_answers_to_its_own_names(gazetteer: Gazetteer) -> None:
    for region in gazetteer.regions:
        assert gazetteer.region(region.code) == region
        assert gazetteer.region(region.name) == region, region


@pytest.mark.parametrize("name", ["Белгродская область", "Narnia", "", "RU-XXX"])
def test_an_unknown_region_is_a_lookup_error_that_repeats_the_name(gazetteer: Gazetteer, name: str) -> None:
    with pytest.raises(LookupError, match="no region is called") as caught:
        gazetteer.region(name)
    assert isinstance(caught.value, UnknownRegion)
    assert caught.value.asked == name


def test_a_misspelt_region_is_answered_with_the_right_one(gazetteer: Gazetteer) -> None:
    with pytest.raises(UnknownRegion) as caught:
        gazetteer.region("Белгродская область")
    assert "Белгородская область" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    listed("""
    Козинка под обстрелом | В Козинке бой | Козинке досталось | бой за Козинку | прилёт по Козинке | За Козинкой гремит
    Kozinka is under attack | fighting in Kozynka | у Козинці тривають бої | Бої біля Козинки | Козинка!
    Грайворон | в Грайвороне | из Грайворона | под Грайвороном | жители Грайворона | Грайворонский район громко
    вибухи у Грайворонському районі | жителі Грайворонського району | грайворонцы сообщают | drones over Graivoron
    Grayvoron district | Hraivoron was shelled | Грайворонский городской округ | в Грайворонском округе | на грайворонском направлении
    Шебекино | в Шебекине громко | у Шебекіному вибухи | Шебекінський район | обстрел Шебекина | ШБК внимание
    Белгород | в Белгороде | Белгорода | Бєлгород | у Бєлгороді | вибухи у Білгороді | на Белгородчине | на Бєлгородщині
    белгородцы слышали взрывы | Белгородская и Курская область | Белгородской обл. | Белг. обл. тревога | Бгд внимание
    Belgorod Oblast | in Belgorod region | Belgorod's residents | #Белгород | 🔥Белгород🔥взрывы | ⚡️Белгород⚡️ | БЕЛГОРОДСКАЯ ОБЛАСТЬ
    В Шебекине вечером слышали хлопки | Пишут, что в Новой Таволжанке стреляют | Колонна на въезде в Грайворон, снято утром
    Кто едет сегодня через Борисовку | Эвакуация из Козинки завершена | Скорые едут из Белгорода | Шебекино Юз, внимание
    громко над БелгородомРаботает ПВО | Над Белгородской и Курской областями сбиты БПЛА | над Курской, две — над Белгородской.
    белгородский губернатор | белгородские власти | в Красной Яруге | Новая Таволжанка | у Новій Таволжанці | Таволжанка, Шбк
    село Глотово Грайворонского района | Валуйки | из Валуек | в Старом Осколе | в Губкине | ‼️РАЗУМНОЕ‼️¶‼️ОПАСНОСТЬ БПЛА‼️
    Ракитное бпла в сторону Белгорода | Бессоновка Бел р-н | в городе Короча | Волоконовский район | Мер Бєлгорода | г. Белгород
    """),
)  # fmt: skip
def test_a_place_of_the_region_is_heard_in_any_form(gazetteer: Gazetteer, text: str) -> None:
    assert heard(gazetteer, text)


@pytest.mark.parametrize(
    "text",
    listed("""
    Козинка Иван Петрович стал депутатом | депутат Сергей Козинка выступил | И. Козинка забил гол | Белгородский Алексей Иванович
    Александр Белгородский сыграл в кино | на улице Белгородская | ул. Белгородская, 5 | на Белгородской улице Москвы
    Белгородский полк вошёл | Белгородская бригада | подводная лодка «Белгород» | АПЛ Белгород вышла в море | ФК «Белгород» проиграл
    Липецкая область: в селе Козинка пожар | Село Козинка Орловской области | Козинка (Липецкая область)
    Білгород-Дністровський | У Білгороді-Дністровському вибухи | Белгород-Днестровский под ударом | Bilhorod-Dnistrovskyi
    Красное море | красное платье | Разумное решение | Строитель упал с лесов | Короче, пошли домой | короче говоря | Майский дождь
    Северный флот | Северный поток | Пролетарский гнев | журналист Артемий Троицкий | Юрий Губкин рассказал
    Губкин Иван Михайлович основал | крейсер Белгород | ул. Шебекинская | Борисовка Харьковской области
    Полк «Белгород» провёл сбор на Дальнем Востоке | Наша соседка Мария Козинка печёт пироги | на Северном флоте | Сила в правде
    https://t.me/belgorod_news | пишет @belgorod | Доброе утро | Победа будет за нами | Мирный договор | Подписаться на Белгород
    """),
)  # fmt: skip
def test_what_only_sounds_like_a_place_is_left_alone(gazetteer: Gazetteer, text: str) -> None:
    assert heard(gazetteer, text) == []


def test_a_mention_tells_span_place_position_and_reasons(gazetteer: Gazetteer) -> None:
    text = "💥 Ночью в Козинке слышали взрывы"
    (mention,) = heard(gazetteer, text)
    assert text[mention.start : mention.end] == mention.text == "Козинке"
    assert (mention.place, mention.region, mention.strength) == ("Козинка", "RU-BEL", "settlement")
    assert (mention.lat, mention.lon) == (pytest.approx(50.4613), pytest.approx(35.6026))
    assert "after 'в'" in mention.reasons


def test_a_village_without_a_trusted_position_takes_its_districts_and_says_so(gazetteer: Gazetteer) -> None:
    text = "Грайворонский район, село Глотово"
    district, village = heard(gazetteer, text)
    assert village.place == "Глотово"
    assert (village.lat, village.lon) == (district.lat, district.lon)
    assert "position is its district's" in village.reasons


def test_strengths_tell_region_district_settlement_and_homonym_apart(gazetteer: Gazetteer) -> None:
    text = "Белгородская область, Краснояружский район. Белгород, Прилесье: опасность"
    assert [mention.strength for mention in heard(gazetteer, text)] == ["region", "district", "settlement", "homonym"]


def test_both_regions_of_an_ellipsis_are_named(gazetteer: Gazetteer) -> None:
    text = "Белгородская и Курская область"
    mentions = heard(gazetteer, text, "RU-BEL", "RU-KRS")
    assert [(mention.region, mention.strength) for mention in mentions] == [("RU-BEL", "region"), ("RU-KRS", "region")]


def test_the_home_of_the_channel_settles_which_namesake_is_meant(gazetteer: Gazetteer) -> None:
    text = "Внимание, посёлок Октябрьский, опасность БПЛА"
    assert heard(gazetteer, text) == []
    (mention,) = heard(gazetteer, text, home=("RU-BEL",))
    assert (mention.place, mention.strength) == ("Октябрьский", "homonym")


def test_home_never_outweighs_a_region_that_the_text_names(gazetteer: Gazetteer) -> None:
    text = "Курская область, посёлок Октябрьский, опасность БПЛА"
    assert heard(gazetteer, text, home=("RU-BEL",)) == []


def test_only_the_regions_asked_for_are_told(gazetteer: Gazetteer) -> None:
    text = "Белгород и Курск под атакой"
    assert {mention.region for mention in heard(gazetteer, text, "RU-KRS")} == {"RU-KRS"}
    assert heard(gazetteer, text, "UA-51") == []


def test_what_speaks_against_a_place_can_be_asked_for(gazetteer: Gazetteer) -> None:
    text = "Строитель упал с лесов"
    (mention,) = gazetteer.mentions(text, words(text), [BORDER], minimum="weak")
    assert mention.strength == "weak"
    assert "also a common word" in mention.reasons


def test_an_unknown_region_asked_for_is_an_error(gazetteer: Gazetteer) -> None:
    with pytest.raises(UnknownRegion):
        gazetteer.mentions("Белгород", words("Белгород"), ["RU-XXX"])


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "🔥", "#", "-", "н", "р-н", "область", "«»", "Белгород-", "-Белгород", "в", "Белгород" * 5]
)
def test_odd_texts_do_no_harm(gazetteer: Gazetteer, text: str) -> None:
    for mention in heard(gazetteer, text, *(region.code for region in gazetteer.regions)):
        assert text[mention.start : mention.end] == mention.text
