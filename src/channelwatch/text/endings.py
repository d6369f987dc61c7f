"""Forms of a Cyrillic name that no dictionary knows, by its ending.

The word is taken for the dictionary form of a noun or an adjective ("Козинка", "Шахед", "Бельский"), or for an oblique
plural whose ending leaves no doubt ("шахедами"). Russian and Ukrainian endings are given together, unless a letter
tells the language; forms that do not exist cost nothing, because nobody writes them.
"""

_HARD = "а у ом е ы ов ам ами ах"
_HARD_UK = "а у ом і ові и ів ам ами ах"
_SOFT = "я ю ем е и ей ям ями ях"
_SOFT_UK = "я ю ем єм і еві єві ів їв ям ями ях"

RULES: tuple[tuple[str, int, str, str], ...] = (
    # ending of the dictionary form, letters to cut, Russian endings, Ukrainian endings
    ("ский", 2, "ий ого ому им ом ая ой ую ое ие их ими", "ого ому им ом а ої ій у ою е і их ими"),
    ("цкий", 2, "ий ого ому им ом ая ой ую ое ие их ими", "ого ому им ом а ої ій у ою е і их ими"),
    ("ський", 2, "", "ий ого ому им ім а ої ій у ою е і их ими"),
    ("цький", 2, "", "ий ого ому им ім а ої ій у ою е і их ими"),
    ("ская", 2, "ая ой ую ое ого ому ий им ом ие их ими", ""),
    ("цкая", 2, "ая ой ую ое ого ому ий им ом ие их ими", ""),
    ("ська", 1, "", "а ої ій у ою ий ого ому им ім е і их ими"),
    ("ий", 2, "ий его ого ему ому им ем ом яя ая ей ой юю ую ие их ими", "ій ого ому им ім а ої у ою е і их ими"),
    ("ый", 2, "ый ого ому ым ом ая ой ую ое ые ых ыми", ""),
    ("ой", 2, "ой ого ому ым им ом ая ую ое ые ых ыми", ""),
    ("ая", 2, "ая ой ую ое ого ому ый ым ом ые ых ыми", ""),
    ("яя", 2, "яя ей юю ее его ему ий им ем ие их ими", ""),
    ("ое", 2, "ое ого ому ым им ом ые ых", ""),
    ("ее", 2, "ее его ему им ем ие их", ""),
    ("ые", 2, "ые ых ым ыми ый ая ое ого ой", ""),
    ("ие", 2, "ие их им ими ий ая ое ого ой ия ию ием ии", "ия ию иєм ії"),
    ("ія", 1, "", "я ї ю єю є й ям ями ях"),
    ("ия", 1, "я и ю ей й ям ями ях", "я ї ю єю й"),
    ("ка", 1, "а и е у ой ою ам ами ах", "а и у ою о ам ами ах"),
    ("ца", 1, "а ы е у ей ею ам ами ах", "а і у ею ю ам ами ах"),
    ("а", 1, "а ы и е у ой ою ей ам ами ах", "а и і у ою ею о ам ами ах"),
    ("я", 1, "я и е ю ей ею ям ями ях", "я і ї ю ею єю ям ями ях"),
    ("о", 1, "о а у ом ым е", "о а у ом им і ові"),
    ("ье", 1, "е я ю ем и", "е я ю ем і"),
    ("е", 1, "е я а ю у ем", "е я а ю у ем і"),
    ("ец", 0, "", ""),
    ("ов", 0, "а у ым ом е ой ы ых ыми", "а у им ом і ові ої ій ою и их ими"),
    ("ев", 0, "а у ым ом е ой ы ых ыми", "а у им ом і ові ої ій ою и их ими"),
    ("ин", 0, "а у ым ом е ой ы ых ыми", "а у им ом і ові ої ій ою и их ими"),
    ("ын", 0, "а у ым ом е ой ы ых ыми", ""),
    ("й", 1, "й я ю ем е и ев ям ями ях", "й я ю єм ї єві їв ям ями ях"),
    ("ь", 1, "ь и я ю ью ем е ей ям ями ях", "ь і я ю ем еві ів ей ям ями ях"),
    ("ы", 1, "ы ов ам ами ах", ""),
    ("и", 1, "и ов ам ами ах ей ям ями ях", "и ів ам ами ах"),
    ("і", 1, "", "і ів ам ами ах їв ям ями ях"),
)
"""Tried in order; the first whose ending fits is used. A consonant and nothing else: `_consonant`."""

_OBLIQUE = ("ами", "ями", "ах", "ях", "ам", "ям", "ов", "ів")
_RUSSIAN = frozenset("ыэъё")
_UKRAINIAN = frozenset("іїєґ'")
_HUSHING = "жчшщц"
_CONSONANTS = "бвгґджзклмнпрстфхцчшщ"


def language_letters(word: str) -> tuple[bool, bool]:
    """Tell whether a word may be Russian, and whether it may be Ukrainian, by its letters."""
    return _UKRAINIAN.isdisjoint(word), _RUSSIAN.isdisjoint(word) and "ия" not in word


def by_ending(word: str) -> set[str]:
    """Return the forms that a name in lower case may take, itself included; short words stay alone."""
    russian, ukrainian = language_letters(word)
    found = declined(word, russian=russian, ukrainian=ukrainian)
    for ending in _OBLIQUE:
        if len(word) >= len(ending) + 4 and word.endswith(ending) and word[-len(ending) - 1] in _CONSONANTS:
            found |= declined(word[: -len(ending)], russian=russian, ukrainian=ukrainian)
            break
    return found


def declined(word: str, *, russian: bool, ukrainian: bool) -> set[str]:
    """Return the Russian or Ukrainian forms of a name in its dictionary form, itself included."""
    if len(word) < 4:
        return {word}
    if word[-1] in _CONSONANTS and not word.endswith(("ов", "ев", "ин", "ын")):
        return _consonant(word, russian, ukrainian)
    for ending, cut, endings_ru, endings_uk in RULES:
        if word.endswith(ending) and (len(word) - cut >= 3):
            stem = word[: len(word) - cut]
            found = {stem + tail for tail in endings_ru.split()} if russian else set()
            if ukrainian:
                found |= {stem + tail for tail in endings_uk.split()}
            return {word} | found | _changed_stem(word, russian, ukrainian)
    return {word}


def _consonant(word: str, russian: bool, ukrainian: bool) -> set[str]:
    """Decline a masculine noun ("Шахед"), with its last vowel and, where it is fleeting, without it."""
    stems = {word}
    if len(word) >= 5 and word[-2:] in ("ец", "ок", "ек", "єц"):
        stems.add(word[:-2] + ("ь" if word[-3] == "л" else "") + word[-1])
    found = {word}
    for stem in stems:
        if russian:
            found |= {stem + tail for tail in _HARD.split()}
            if word[-1] in _HUSHING:
                found |= {stem + tail for tail in ("ем", "ев", "ей", "и")}
            if word[-1] in "гкх":
                found.add(stem + "и")
        if ukrainian:
            found |= {stem + tail for tail in _HARD_UK.split()}
            if word[-1] in _HUSHING:
                found |= {stem + tail for tail in ("ем", "еві", "і")}
    return found


def _changed_stem(word: str, russian: bool, ukrainian: bool) -> set[str]:
    """Return forms whose stem changes: Козинка → Козинок, Козинці; -ець → -ця; -ів → -ова."""
    stem = word[:-1]
    if word.endswith("ка") and len(word) > 4:
        vowel = "" if stem[-2] in "аеиоуыэюяіїє" else "о"
        full = {stem[:-1] + vowel + "к", stem[:-1].removesuffix("ь") + "ек"} if vowel else {stem}
        return full | ({stem[:-1] + "ці"} if ukrainian else set())
    if word.endswith(("га", "ха")) and ukrainian:
        return {stem, stem[:-1] + ("зі" if word.endswith("га") else "сі")}
    if word.endswith("ець") and ukrainian:
        return {word[:-3] + tail for tail in ("ця", "цю", "цем", "цеві", "ці", "ців", "цям", "цями", "цях")}
    if word.endswith(("а", "ы", "и", "о")):
        return {stem}  # Сумы → Сум
    return set()
