"""English forms, lightly: plural, possessive, -ed, -ing, and the irregular words of the news.

An apostrophe is dropped by the fold, so "Ukraine's" is "ukraines": possessive and plural are one form.
"""

from functools import cache

IRREGULAR = """
man men; woman women; child children; person people; foot feet; life lives; wife wives; knife knives; half
halves; leaf leaves; thief thieves; crisis crises; analysis analyses; base bases; basis bases; medium media;
datum data; serviceman servicemen; servicewoman servicewomen; policeman policemen; fireman firemen; gunman
gunmen; spokesman spokesmen; be am is are was were been being; have has had having; do does did done doing; go
goes went gone going; say said; get got gotten; make made making; know knew known; take took taken taking; see
saw seen; come came coming; think thought; give gave given giving; find found; tell told; become became; leave
left; feel felt; bring brought; begin began begun beginning; keep kept; hold held; write wrote written writing;
stand stood; hear heard; let letting; mean meant; set setting; meet met; run ran running; pay paid; sit sat
sitting; speak spoke spoken; lie lay lain lying; lead led; read reading; grow grew grown; lose lost losing; fall
fell fallen; send sent; build built; draw drew drawn; break broke broken; spend spent; cut cutting; rise rose
risen rising; drive drove driven driving; buy bought; wear wore worn; choose chose chosen; strike struck
stricken striking; shoot shot shooting; hit hitting; fight fought; fly flies flew flown; burn burnt; blow blew
blown; throw threw thrown; win won winning; catch caught; steal stole stolen; hide hid hidden hiding; seek
sought; sink sank sunk; bear bore born borne; tear tore torn; bleed bled; flee fled fleeing; die dying; dig dug
digging; shut shutting; put putting; split splitting; withdraw withdrew withdrawn; overthrow overthrew
overthrown; undergo underwent undergone; sell sold; teach taught; swear swore sworn; freeze froze frozen
freezing; shake shook shaken; bind bound; ride rode ridden; forbid forbade forbidden; good better best; bad
worse worst; far farther further
"""
"""Groups: the first is the dictionary form; its regular forms count as well."""

NO_PLURALS = """
news gas bus plus this thus always perhaps texas paris series species chaos christmas lens mass odds politics physics
economics isis abbas hamas atlas wales laos cyprus belarus
"""
"""Words that only look like plurals."""

_NO_PLURAL = frozenset(NO_PLURALS.split())
_VOWELS = "aeiouy"
_DOUBLES = "bdgklmnprtz"


@cache
def _groups() -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for line in IRREGULAR.replace("\n", " ").split(";"):
        group = tuple(line.split())
        groups.update((word, groups.get(word, ()) + group) for word in group)
    return groups


def english(word: str) -> set[str]:
    """Return the forms of a folded Latin word, itself included."""
    group = _groups().get(word)
    if group is not None:
        return {word, *group, *(form for base in group[:1] for form in _inflected(base))}
    bases = _bases(word)
    found = {word, word + "s"} if bases else set(_inflected(word))
    for base in bases:
        found |= set(_groups().get(base, ())) | set(_inflected(base))
    return found


def _inflected(base: str) -> list[str]:
    """Return a dictionary form with its regular endings."""
    if len(base) < 3 or not base.isalpha():
        return [base, base + "s"]
    if base in _NO_PLURAL:
        return [base]
    found = [base, base + "s"]
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        found.append(base + "es")
    if base[-1] == "y" and base[-2] not in _VOWELS:
        return [*found, base[:-1] + "ies", base[:-1] + "ied", base + "ing"]
    if base.endswith("e"):
        return [*found, base + "d", base[:-1] + "ing"]
    if _is_short(base):
        return [*found, base + base[-1] + "ed", base + base[-1] + "ing"]
    return [*found, base + "ed", base + "ing"]


def _is_short(base: str) -> bool:
    """Tell whether a last consonant doubles: one syllable, one vowel before one consonant ("stop")."""
    return (
        base[-1] in _DOUBLES
        and base[-2] in "aeiou"
        and base[-3] not in _VOWELS
        and not any(letter in _VOWELS for letter in base[:-3])
    )


def _bases(word: str) -> set[str]:
    """Return dictionary forms that `word` may come from."""
    if word in _NO_PLURAL or len(word) < 4:
        return set()
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return {word[:-3] + "y"}
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return {word[:-2]}
    if word.endswith("s") and word[-2] not in "sui":
        return {word[:-1]}
    for ending in ("ed", "ing"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and any(letter in _VOWELS for letter in stem):
            if stem[-1] == stem[-2] and stem[-1] in _DOUBLES:
                return {stem[:-1], stem} if stem[-1] in "lz" else {stem[:-1]}
            return {stem + "e"} if _is_short(stem) else {stem, stem + "e"}
    return set()
