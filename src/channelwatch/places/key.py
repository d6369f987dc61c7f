"""Spell a word the way the gazetteer keeps it, and know which endings its forms may take.

A name is kept as *(stem, class of endings)* and a word of a text is looked up by cutting up to
`LONGEST_ENDING` letters off it: as accurate as listing every form, at a tenth of the size. Keys live in a
coarse alphabet in which Russian and Ukrainian spellings meet (ы, і, ї are и; э, є are е; ґ is г; no soft
signs, no apostrophes), and Latin spellings of one name meet too (Graivoron, Grayvoron, Hraivoron).
The builder in ``tools/`` and the running program share this module, so that both spell alike.
"""

import re

LONGEST_ENDING = 5

_COARSE: dict[int, str | None] = {
    **{ord(a): b for a, b in zip("ыіїэєёґў", "иииееегу", strict=True)},
    **dict.fromkeys(map(ord, "ьъ'’ʼ`")),
}

_LATIN_PAIRS = (
    ("shch", "щ"), ("kh", "х"), ("zh", "ж"), ("sh", "ш"), ("ch", "ч"), ("ts", "ц"), ("tz", "ц"),
    ("ye", "e"), ("ie", "e"), ("je", "e"), ("yo", "e"), ("jo", "e"), ("ks", "x"),
)  # fmt: skip
_LATIN_SINGLES = str.maketrans("yjwhcq", "iivgkk")
_TWICE = re.compile(r"(.)\1+")
_IS_LATIN = re.compile(r"[a-z]")

CLASSES: dict[str, tuple[str, ...]] = {
    "exact": ("",),
    "latin": ("", "s"),
    "hard": ("", "а", "у", "ом", "ем", "е", "и", "ови", "им"),  # Белгород, Бєлгородом; Киевым
    "hard_oblique": ("а", "у", "ом", "ем", "е", "и", "ови", "еви", "им", "я", "ю"),  # Харків → Харков-а
    "soft": ("", "и", "я", "ю", "ем", "е", "ом", "ові"),  # Рязань, Ставрополь: the soft sign is dropped
    "j": ("й", "я", "ю", "ем", "е", "и"),
    "a": ("а", "и", "е", "у", "ой", "ою", "ей", "ею"),
    "a_locative": ("и",),  # Козинка → Козинц-і
    "ja": ("я", "и", "е", "ю", "ей", "ею", "ой"),
    "o": ("о", "а", "у", "ом", "е", "и", "ови"),
    "ovo": ("о", "а", "у", "ом", "е", "ого", "ому", "им"),  # Шебекино, Шебекине, Шебекиному
    "e": ("е", "я", "ю", "ем", "и", "а", "у", "ям"),
    "adj_m": ("ий", "ой", "ого", "его", "ому", "ему", "им", "ом", "ем"),
    "adj_f": ("ая", "яя", "ой", "ей", "ую", "юю", "ою", "а", "я", "ои", "ий", "у", "ю", "ею"),
    "adj_n": ("ое", "ее", "ого", "его", "ому", "ему", "им", "ом", "ем", "е"),
    "adj_p": ("ие", "их", "им", "ими", "и"),
    "first_a": ("а", "и", "е", "у", "ой", "ою", "ои", "ий", "ей"),  # Велика … : noun or adjective
    "first_o": ("е", "ого", "ому", "им", "ом", "о", "а", "у"),
    "plural": ("и", "", "ам", "ами", "ах", "ов", "ив", "ей", "ям", "ями", "ях"),
    "adjective": (
        "ий", "ого", "ому", "им", "ом", "ая", "ой", "ую", "ою", "ое", "ие", "их", "ими", "а", "у", "е", "ои", "и",
    ),
    "person": ("", "а", "у", "ом", "е", "и", "ов", "ив", "ам", "ами", "ах", "ови"),  # одесит
    "person_c": ("а", "у", "ем", "е", "и", "ев", "ив", "ам", "ами", "ах", "я", "ю", "ям", "ями", "ях", "еви"),
    "person_n": ("ин", "ина", "ину", "ином", "ине", "е", "", "ам", "ами", "ах", "и", "инови", "ок"),  # -чане
    "person_a": ("а", "и", "е", "у", "ой", "ою", "ам", "ами", "ах"),
}  # fmt: skip
CLASSES["soft"] = ("", "и", "я", "ю", "ем", "е", "ом", "еви")
CLASS_NAMES = tuple(CLASSES)

_VOWELS = "аеиоуюя"


def key(form: str) -> str:
    """Return a folded word in the gazetteer's coarse alphabet (Cyrillic), or its phonetic key (Latin)."""
    spelled = form.translate(_COARSE)
    return latin_key(spelled) if _IS_LATIN.search(spelled) else spelled


def latin_key(form: str) -> str:
    """Return the rough sound of a Latin spelling: ``Hraivoron`` and ``Grayvoron`` give the same key."""
    for pair, letter in _LATIN_PAIRS:
        form = form.replace(pair, letter)
    return _TWICE.sub(r"\1", form.translate(_LATIN_SINGLES))


def cuts(word_key: str) -> list[str]:
    """Return the stems that a word may belong to: the key itself and the key less 1 … 5 letters."""
    shortest = max(len(word_key) - LONGEST_ENDING, 2)
    return [word_key[:n] for n in range(len(word_key), shortest - 1, -1)] or [word_key]


Stem = tuple[str, str]
"""(stem, name of its class of endings)."""


def stems(word: str, *, last: bool = True) -> list[Stem]:
    """Return every (stem, class) under which the forms of a nominative place-name word are found.

    `word` is folded; `last` is False for the leading words of a longer name, which are mostly adjectives.
    """
    k = key(word)
    if _IS_LATIN.search(word):
        return [(k, "latin")]
    if len(k) < 3:
        return [(k, "exact")]
    if word.endswith(("ая", "яя")):
        return [(k[:-2], "adj_f")]
    if word.endswith(("ое", "ее")):
        return [(k[:-2], "adj_n")]
    if word.endswith(("ые", "ие")):
        return [(k[:-2], "adj_p")]
    if word.endswith(("ый", "ий")) or (word.endswith("ой") and len(k) > 4):
        return [(k[:-2], "adj_m")]
    tail, stem = k[-1], k[:-1]
    if not last:
        found = {"а": "first_a", "я": "adj_f", "е": "first_o", "о": "first_o", "и": "adj_p"}.get(tail)
        if found:
            return [(stem, found)]
    return _noun(word, k, stem, tail)


def _noun(word: str, k: str, stem: str, tail: str) -> list[Stem]:
    if tail == "а":
        mutated = {"к": "ц", "г": "з", "х": "с"}.get(stem[-1])
        return [(stem, "a"), *([(stem[:-1] + mutated, "a_locative")] if mutated else [])]
    if tail == "я":
        return [(stem, "ja")]
    if tail == "о":
        return [(stem, "ovo" if re.search(r"[оеи]в$|ин$", stem) else "o")]
    if tail == "е":
        return [(stem, "adj_n" if re.search(r"[внчк]$", stem) else "e")]
    if tail == "и":
        base = stem[:-2] if stem.endswith("йк") else stem[:-1]  # Валуйки → Валуек
        broken = [(f"{base}{vowel}к", "exact") for vowel in "ое"] if re.search(f"[^{_VOWELS}]к$", stem) else []
        return [(stem, "plural"), *broken]
    if tail == "й":
        return [(stem, "j")]
    if word.endswith("ь"):
        return [(k, "soft"), *_fleeting(k)]
    return [(k, "hard"), *_fleeting(k)]


def _fleeting(k: str) -> list[Stem]:
    """Return the oblique stems of names whose last vowel changes or falls out (Харків, Елец, Орёл, Бориспіль)."""
    if k.endswith("ив") and len(k) > 3:
        return [(k[:-2] + "ов", "hard_oblique"), (k[:-2] + "ев", "hard_oblique")]
    if k.endswith("ец"):
        return [((k[:-2] + "йц") if k[-3] in _VOWELS else (k[:-2] + "ц"), "hard_oblique")]
    if k.endswith(("ок", "ек")) and len(k) > 4:
        return [(k[:-2] + "к", "hard_oblique")]
    if k == "орел":
        return [("орл", "hard_oblique")]
    for closed, opened in (("пил", "пол"), ("риг", "рог"), ("мист", "мост"), ("кин", "кон")):
        if k.endswith(closed):
            return [(k[: -len(closed)] + opened, "hard_oblique")]
    return []


def adjective_stem(word: str) -> Stem:
    """Return the stem of an adjective given in the masculine (``белгородский``, ``бєлгородський``)."""
    return (key(word)[:-2], "adjective")


def person_stems(word: str) -> list[Stem]:
    """Return the stems of a word for inhabitants in the nominative (белгородец, одесит, харків'янка, дніпряни)."""
    k = key(word)
    if k.endswith("ец"):
        return [(k, "exact"), (k[:-2] + ("йц" if k[-3] in _VOWELS else "ц"), "person_c")]
    if k.endswith(("анин", "янин")):
        return [(k[:-2], "person_n")]
    if k.endswith(("ане", "яне", "ани", "яни")):
        return [(k[:-1], "person_n")]
    if k.endswith("ка"):
        return [(k[:-1], "person_a"), (k[:-2] + "ц", "a_locative"), (k[:-2] + "ок", "exact")]
    if k.endswith("и"):
        return [(k[:-1], "person")]
    return [(k, "person")]


_LETTERS_RU = dict(zip("абвгдежзийклмнопрстуфхцчшщъыьэюя", [
    "a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f",
    "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya"], strict=True))  # fmt: skip
_LETTERS_UK = _LETTERS_RU | {"г": "h", "ґ": "g", "и": "y", "і": "i", "ї": "i", "є": "ye"}


def romanise(word: str, *, ukrainian: bool = False) -> str:
    """Return a folded Cyrillic word in Latin letters, good enough for `latin_key`."""
    letters = _LETTERS_UK if ukrainian else _LETTERS_RU | {"і": "i", "ї": "i", "є": "e", "ґ": "g"}
    return "".join(letters.get(letter, letter) for letter in word if letter not in "'’ʼ`")
