"""Weigh one post: which places of which regions does it speak of?

Three passes, surest first: regions by name; districts by adjective and noun; settlements by name. What an earlier
pass took, a later one leaves alone, and the regions named in a post settle which of several namesakes is meant.
A settlement's name collects points for and against (`_score`); from `ENOUGH` points on it counts.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from channelwatch.places import cues
from channelwatch.places.key import CLASSES, key
from channelwatch.places.mention import Strength
from channelwatch.places.reading import Token, joined, tokens
from channelwatch.places.schema import (
    ADJECTIVE,
    BOUND_ADJECTIVE,
    DISTRICT,
    PEOPLE,
    REGION,
    REGION_ADJECTIVE,
    REGION_LATIN,
    SETTLEMENT,
    TOWNSFOLK,
)
from channelwatch.places.store import Name, PlaceRow, Store
from channelwatch.text.words import Word

ENOUGH = 1.0
"""Points from which a settlement's name counts; tuned on labelled posts of war and alarm channels."""

_UNKNOWN_POPULATION = 400
"""cities500 lists settlements from 500 inhabitants on; what it lacks is smaller."""

_LINK = re.compile(r"(?:https?://|www\.|t\.me/|@)\S+")
_STOP = re.compile(r"[!?;\n…]")
_ADJECTIVES = {REGION_ADJECTIVE, BOUND_ADJECTIVE, DISTRICT, ADJECTIVE}
_PATRONYMIC = re.compile(r"(?:ович|евич|йович|ьич|овн|евн|івн|инічн)(?:[аеуоиі]|ем|ом|ой|ою)?$")
_MASCULINE = re.compile(r"(?:ий|ій|ого|ому|им|ым|ом)$")
_CAPITALS = {"RU-MOW", "UA-30", "BY-HM"}


@dataclass(slots=True)
class Found:
    """One place found in tokens `first` … `last`."""

    first: int
    last: int
    region: int
    place: str
    lat: float | None
    lon: float | None
    strength: Strength
    score: float
    reasons: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Choice:
    """Which region's namesake is meant, and why."""

    region: int
    how: str
    settled: bool = True
    """False where nothing settles it."""


class Finder:
    """The three passes over one post."""

    def __init__(self, store: Store, text: str, words: Sequence[Word], home: frozenset[int]) -> None:
        """Look at the post's words (no two glued together); `home` are the ids of the channel's own regions."""
        self._store = store
        self._text = text
        self._line = tokens(text, words)
        self._home = home
        self._keys = [key(token.form) for token in self._line]
        self._read: list[list[tuple[int, Name]] | None] = [None] * len(self._line)
        self._taken = [False] * len(self._line)
        self._found: list[Found] = []
        self._named: list[tuple[int, int]] = []  # (token, region): regions that the text itself names
        self._company: set[int] = set()  # regions of settlements that are certain
        self._mute_links_and_signatures()
        self._alarm = any(token.form.startswith(cues.ALARM) for token in self._line)

    def find(self) -> list[Found]:
        """Return every place found, of whatever region, weak ones too, in the order of the text."""
        self._long_names()
        self._regions()
        self._districts()
        doubtful = self._settlements(range(len(self._line)), final=False)
        self._settlements(doubtful, final=True)
        return sorted(self._found, key=lambda found: (found.first, found.last))

    # ------------------------------------------------------------ looking

    def _mute_links_and_signatures(self) -> None:
        line = self._line
        for link in _LINK.finditer(self._text):
            for i, token in enumerate(line):
                if link.start() <= token.start < link.end():
                    self._taken[i] = True
        for i, token in enumerate(line):
            if token.form in cues.SUBSCRIBE:
                start = self._text.rfind("\n", 0, token.start) + 1
                end = self._text.find("\n", token.end)
                end = len(self._text) if end < 0 else end
                if end - start <= 80:
                    for j, other in enumerate(line):
                        if start <= other.start < end:
                            self._taken[j] = True
                else:
                    self._taken[i] = True

    def _form(self, i: int) -> str:
        return self._line[i].form if 0 <= i < len(self._line) else ""

    def _gap(self, i: int) -> str:
        """Return what stands before token `i`; one past the last token, what ends the text."""
        if i == len(self._line):
            return self._text[self._line[-1].end :] + "\n"
        return self._line[i].gap if 0 <= i < len(self._line) else "\n"

    def _capital(self, i: int) -> bool:
        return 0 <= i < len(self._line) and (self._line[i].capital or self._line[i].gap.endswith("#"))

    def _readings(self, i: int, *kinds: int) -> Iterator[tuple[int, Name]]:
        """Yield (last token, name) of the given kinds that start at token `i`, longest first."""
        found = self._read[i]
        if found is None:
            found = [
                (last, n) for n in self._store.names(self._line[i].form) if (last := self._reach(i, n)) is not None
            ]
            found.sort(key=lambda pair: -pair[0])
            self._read[i] = found
        for last, name in found:
            if name.kind in kinds and not any(self._taken[i : last + 1]):
                yield last, name

    def _reach(self, i: int, name: Name) -> int | None:
        j = i
        for stem, cls in name.rest:
            j += 1
            if j >= len(self._line) or not self._keys[j].startswith(stem):
                return None
            if self._keys[j][len(stem) :] not in CLASSES[cls] or not joined(self._line[j]):
                return None
        return j

    def _noun_after(self, i: int, nouns: frozenset[str]) -> int | None:
        """Return the last token of the noun that an adjective at `i` belongs to, over an ellipsis too."""
        j = i + 1
        for _ in range(9):
            if j >= len(self._line) or _STOP.search(self._gap(j)):
                return None
            form = self._form(j)
            if form in nouns:
                return j
            if "район" in nouns and form == "р" and self._form(j + 1) in {"н", "на", "не", "ну", "ном", "ны", "нах"}:
                return j + 1
            if form not in cues.CONJUNCTIONS and form not in cues.QUALIFIERS:
                chained = form.endswith(
                    ("ая", "ой", "ий", "ого", "ую", "ое", "ом", "ій", "ої", "ому", "им", "ій", "а", "у")
                )
                if not chained or not any(name.kind in _ADJECTIVES for name in self._store.names(form)):
                    return None
            j += 1
        return None

    def _take(self, first: int, last: int) -> None:
        self._taken[first : last + 1] = [True] * (last + 1 - first)

    def _long_names(self) -> None:
        """Take names of three words and more first (Славянск-на-Кубани), so that no part is taken for a region."""
        for i in range(len(self._line)):
            if not self._taken[i]:
                for last, name in self._merged(i):
                    found = self._weigh(i, last, name) if last >= i + 2 else None
                    if found is not None and found.score >= ENOUGH:
                        self._found.append(found)
                        self._company.add(found.region)
                        self._take(i, last)
                        break

    # ------------------------------------------------------------ regions

    def _regions(self) -> None:
        for i in range(len(self._line)):
            if not self._taken[i]:
                self._region_by_name(i) or self._region_by_adjective(i) or self._region_by_people(i)

    def _region_by_name(self, i: int) -> bool:
        for last, name in self._readings(i, REGION, REGION_LATIN):
            token = self._line[i]
            if name.kind == REGION_LATIN:
                noun = last + 1
                if not token.capital or self._form(noun) not in cues.OBLAST | cues.KRAI | cues.REPUBLIC:
                    continue
                if not joined(self._line[noun]):
                    continue
                last = noun  # noqa: PLW2901 - the noun belongs to the name
            elif not self._capital(i) and (last == i and (len(token.form) < 7 or name.common)):
                continue
            if last == i and name.given and self._is_person(i):
                continue
            if last == i and (self._is_address(i) or self._is_emblem(i, last) or self._hyphened(i, last)):
                continue
            for region in name.targets:
                row = self._store.regions[region]
                weak = row.code in _CAPITALS and self._form(last + 1) in cues.GOVERNMENT_VERBS
                self._add_region(i, last, region, "weak" if weak else "region", "names the region")
            self._take(i, last)
            return True
        return False

    def _region_by_adjective(self, i: int) -> bool:
        for last, name in self._readings(i, REGION_ADJECTIVE, BOUND_ADJECTIVE):
            rows = [self._store.regions[target] for target in name.targets]
            for row in rows:
                noun = self._noun_after(last, cues.REGION_NOUNS[row.kind])
                if noun is not None:
                    self._add_region(i, last, row.id, "region", f"adjective with {self._form(noun)!r}")
                    self._take(i, noun if noun == last + 1 else last)
                    return True
            if name.kind == BOUND_ADJECTIVE or self._noun_after(last, cues.DISTRICT_NOUNS) is not None:
                continue
            if not self._adjective_may_stand_alone(i, last):
                continue
            cities = [row for row in rows if row.kind == "city"] or rows
            for row in cities:
                self._add_region(i, last, row.id, "settlement", "adjective of the region")
            self._take(i, last)
            return True
        return False

    def _adjective_may_stand_alone(self, i: int, last: int) -> bool:
        after, after2, before = self._form(last + 1), self._form(last + 2), self._form(i - 1)
        things = cues.UNITS | cues.STREET | cues.STATIONS | cues.CLUBS | cues.THINGS | cues.SHIPS
        closed = last + 1 >= len(self._line) or not joined(self._line[last + 1])
        if before in cues.STREET or before in cues.UNITS or after in things or (closed and before in cues.RANKS):
            return False
        if after2 in cues.UNITS or after2 in cues.THINGS or (before in cues.CLUBS and self._capital(i)):
            return False
        if self._capital(i) and _MASCULINE.search(self._form(last)):
            named = not self._line[i].opens and (closed or after not in cues.DIRECTION_NOUNS)
            verb = self._looks_like_verb(after)
            alone = closed and before not in cues.CONJUNCTIONS
            if alone or (named and verb) or ((verb or self._capital(last + 1)) and self._is_person(i)):
                return False
        quoted = self._gap(i).rstrip().endswith(("«", '"', "“", "„")) and self._gap(last + 1)[:1] in {
            "»",
            '"',
            "”",
            "“",
        }
        return not quoted

    @staticmethod
    def _looks_like_verb(form: str) -> bool:
        return re.search(r"(?:ил|ал|ил[аи]|ал[аи]|ет|ит|ив|ав)$", form) is not None

    def _region_by_people(self, i: int) -> bool:
        for last, name in self._readings(i, PEOPLE):
            if self._is_person(i) or (name.common and name.surname) or self._is_emblem(i, last):
                continue
            for region in name.targets:
                self._add_region(i, last, region, "settlement", "its inhabitants")
            self._take(i, last)
            return True
        return False

    def _add_region(self, first: int, last: int, region: int, strength: Strength, reason: str) -> None:
        row = self._store.regions[region]
        name = row.uk if row.code.startswith("UA") else row.ru
        self._found.append(Found(first, last, region, name, row.lat, row.lon, strength, 5.0, [reason]))
        if strength != "weak":
            self._named.append((first, region))

    # ------------------------------------------------------------ districts

    def _districts(self) -> None:
        later = []
        for i in range(len(self._line)):
            if not self._taken[i]:
                for last, name in self._readings(i, DISTRICT, ADJECTIVE):
                    noun = self._noun_after(last, cues.DISTRICT_NOUNS)
                    way = self._noun_after(last, cues.DIRECTION_NOUNS) if noun is None else None
                    if (noun is None and way is None) or (name.cls == "exact" and noun is None):
                        continue
                    later.append((i, last, noun, way, name))
                    break
        certain = [entry for entry in later if len(self._district_regions(entry[4])) == 1]
        for entry in [*certain, *(entry for entry in later if entry not in certain)]:
            self._district(*entry)

    def _district_regions(self, name: Name) -> dict[int, list[int]]:
        """Return the name's targets by region."""
        regions: dict[int, list[int]] = {}
        for target in name.targets:
            region = (
                self._store.districts[target].region if name.kind == DISTRICT else self._store.region_of_place(target)
            )
            regions.setdefault(region, []).append(target)
        return regions

    def _district(self, i: int, last: int, noun: int | None, way: int | None, name: Name) -> None:
        regions = self._district_regions(name)
        choice = self._choose(dict.fromkeys(regions, 0), i, last)
        target = regions[choice.region][0]
        if name.kind == DISTRICT:
            row = self._store.districts[target]
            place, lat, lon = row.name, row.lat, row.lon
        else:
            town = self._store.places([target])[0]
            place, lat, lon = town.name, town.lat, town.lon
        end = noun if noun is not None else way
        what = self._form(end) if end is not None else ""
        strength: Strength = "district" if name.kind == DISTRICT else "settlement"
        reasons = [f"adjective with {what!r}", choice.how]
        inner = any(self._form(i).startswith(stem) for stem in cues.INNER_CITY)
        if not choice.settled or (inner and choice.how not in {_NAMED, _HOME}) or self._is_address(i):
            strength = "weak"
        if lat is None:
            lat, lon = self._store.regions[choice.region].lat, self._store.regions[choice.region].lon
            reasons.append("position is its region's")
        self._found.append(Found(i, last, choice.region, place, lat, lon, strength, 4.0, reasons))
        if strength != "weak":
            self._company.add(choice.region)
            if choice.settled and noun is not None:
                self._named.append((i, choice.region))
        self._take(i, end if end is not None and end <= last + 2 else last)

    # ------------------------------------------------------------ settlements

    def _settlements(self, where: Sequence[int], *, final: bool) -> list[int]:
        """Weigh settlements at those tokens; return the tokens left in doubt (when not `final`)."""
        doubtful = []
        for i in where:
            if self._taken[i]:
                continue
            for last, name in self._merged(i):
                found = self._weigh(i, last, name)
                if found is None:
                    continue
                if found.score < ENOUGH and not final:
                    doubtful.append(i)
                    break
                if found.score < ENOUGH:
                    found.strength = "weak"
                else:
                    self._company.add(found.region)
                    self._take(i, last)
                self._found.append(found)
                break
        return doubtful

    def _merged(self, i: int) -> Iterator[tuple[int, Name]]:
        """Yield (last token, name) of settlements, longest first, readings of one stretch as one."""
        stretches: dict[tuple[int, int], Name] = {}
        for last, name in self._readings(i, SETTLEMENT, TOWNSFOLK):
            known = stretches.get((last, name.kind))
            if known is None:
                stretches[last, name.kind] = name
            else:
                targets = tuple(dict.fromkeys([*known.targets, *name.targets]))
                stretches[last, name.kind] = msgspec.structs.replace(known, targets=targets)
        for (last, _), name in stretches.items():
            yield last, name

    def _weigh(self, i: int, last: int, name: Name) -> Found | None:
        token = self._line[i]
        lower = not self._capital(i)
        people = name.kind == TOWNSFOLK
        cued = self._form(i - 1) in cues.TYPE_WORDS
        if lower and not people and (len(token.form) < 5 or ((name.common or name.given or name.surname) and not cued)):
            return None
        if lower and not cued and name.cls.startswith(("latin", "adj")):
            return None
        if len(token.form) < 3 and last == i:
            return None
        if (
            token.upper
            and last == i
            and len(token.form) <= 4
            and name.cls != "exact"
            and not self._line_is_upper(token)
        ):
            return None
        if self._hyphened(i, last):
            return None
        populations: dict[int, int] = {}
        best: dict[int, PlaceRow] = {}
        for place in self._store.places(name.targets):
            region = place.region or 0
            population = place.population or 0
            if region not in best or population > populations[region]:
                populations[region], best[region] = population, place
        choice = self._choose(populations, i, last)
        if choice.region == 0:
            return None
        place = best[choice.region]
        score, reasons = self._score(i, last, name, place, choice, lower=lower, cued=cued)
        strength: Strength = "homonym" if choice.how in {_NAMED, _HOME, _COMPANY} and len(best) > 1 else "settlement"
        lat, lon = place.lat, place.lon
        if lat is None and place.district is not None:
            district = self._store.districts[place.district]
            lat, lon = district.lat, district.lon
            reasons.append("position is its district's")
        if lat is None:
            lat, lon = self._store.regions[choice.region].lat, self._store.regions[choice.region].lon
            reasons.append("position is its region's")
        return Found(i, last, choice.region, place.name, lat, lon, strength, score, reasons)

    def _score(
        self, i: int, last: int, name: Name, place: PlaceRow, choice: _Choice, *, lower: bool, cued: bool
    ) -> tuple[float, list[str]]:
        """Return the points for and against, and the reasons that weighed."""
        people = name.kind == TOWNSFOLK
        population = place.population or 0
        score = next((points for least, points in _PROMINENCE if population >= least), 0.4) + (1.0 if people else 0.0)
        reasons = ["its inhabitants"] if people else []

        def add(points: float, reason: str) -> None:
            nonlocal score
            score += points
            if reason:
                reasons.append(reason)

        add(_HOW_POINTS[choice.how], choice.how)
        if lower and not people:
            add(-1.2 if population < 20_000 else -0.6, "written small")
        if last > i:
            add(1.0, "several words")
        before = self._form(i - 1)
        own_line = self._own_line(i, last)
        if cued and not _STOP.search(self._gap(i)):
            add(2.5, f"after {before!r}")
        elif before in cues.WHERE and joined(self._line[i]):
            add(1.0, f"after {before!r}")
        elif own_line:
            add(1.2, "a line of its own")
        elif self._stands_alone(i, last):
            add(0.8, "stands alone")
        if self._continues_list(i):
            add(0.8, "in a list of places")
        if before in cues.OFFICES and not self._line[i].opens:
            add(1.0, f"after {before!r}")
        if self._alarm:
            add(0.7, "in an alarm post")
        noun_follows = name.cls.startswith("adj") and self._noun_follows(last)
        if noun_follows and not name.common and not cued:
            add(-1.5, "an adjective")
        if last == i and self._is_locative_adjective(i):
            add(-3.0, "an adjective")
        if last == i and name.cls == "latin" and not cued:
            self._score_latin(i, population, add)
        if (
            name.cls == "ovo"
            and population < 20_000
            and self._keys[i][-1] in "ау"
            and not cued
            and before not in cues.WHERE
        ):
            add(-0.8, "like a surname")
        if name.common and not people:
            if self._line[i].opens and not (cued or own_line):
                add(-3.0, "also a common word")
            else:
                add(-1.2 if before in cues.WHERE and not lower and not noun_follows else -2.0, "also a common word")
        if name.given:
            add(-2.5, "also a given name")
        if name.surname:
            add(-1.2 if population < 100_000 and before not in cues.WHERE else -0.5, "also a surname")
        loose = population >= 5_000 and not (name.surname or name.given)
        surname = name.given or name.surname
        if self._is_person(i, loose=loose) and not cued and (surname or before not in cues.WHERE):
            add(-4.0, "part of a person's name")
        if self._is_address(i) or (name.cls.startswith("adj") and self._form(last + 1) in cues.STREET):
            add(-5.0, "an address")
        elsewhere = (self._company | {region for _, region in self._named}) - {choice.region}
        here = choice.region in self._company or choice.how in {_NAMED, _HOME}
        if population < 2_000 and elsewhere and not here and not cued:
            add(-0.8, "among places of other regions")
        if self._is_emblem(i, last):
            add(-4.0, "a unit, ship or club")
        return score, reasons

    def _choose(self, populations: dict[int, int], i: int, last: int) -> _Choice:
        """Choose among namesakes: the regions the text names, the channel's home, the biggest by far, the company."""
        biggest = max(populations, key=lambda region: (populations[region], -region))
        top = populations[biggest]
        in_text = [(abs(at - i) + (3 if at > i else 0), region) for at, region in self._named if region in populations]
        if in_text:
            nearest = min(in_text)[1]
            if top < 50_000 or top < 20 * max(populations[nearest], _UNKNOWN_POPULATION):
                return _Choice(nearest, _NAMED)
        at_home = [region for region in populations if region in self._home]
        small = top < 10_000 or any(populations[region] < 10_000 for region in at_home)
        if small and self._placed_elsewhere(i, last):
            return _Choice(biggest, _ELSEWHERE, settled=False)
        if len(populations) == 1:
            return _Choice(biggest, _ONLY)
        if at_home:
            own = max(at_home, key=lambda region: populations[region])
            if top <= 30 * max(populations[own], _UNKNOWN_POPULATION):
                return _Choice(own, _HOME)
        second = max(*(n for region, n in populations.items() if region != biggest), _UNKNOWN_POPULATION)
        if top >= 2 * second:
            return _Choice(biggest, _BIGGEST)
        company = [region for region in populations if region in self._company]
        if company:
            return _Choice(max(company, key=lambda region: populations[region]), _COMPANY)
        return _Choice(biggest, _OPEN, settled=False)

    def _placed_elsewhere(self, i: int, last: int) -> bool:
        """Say whether the text puts the name elsewhere: "X Орловской области", "Орловская область: X"."""
        for at, _ in self._named:
            if last < at <= last + 2 and not _STOP.search(self._gap(last + 1)):
                return True
        before = [at for at, _ in self._named if at < i]
        if not before:
            return False
        header = max(before)
        after = next((j for j in range(header + 1, len(self._line)) if not self._taken[j]), header + 1)
        heading = "\n" in self._gap(after) or ":" in self._gap(after)
        starts = header == 0 or "\n" in self._gap(header)
        return (
            (heading and starts) or (i - after <= 1 and self._form(after) in cues.WHERE | cues.TYPE_WORDS) or after == i
        )

    # ------------------------------------------------------------ signs against

    def _hyphened(self, i: int, last: int) -> bool:
        """Say whether the name is only a part of a longer hyphenated word (Белгород-Днестровский)."""
        after = last + 1
        if self._gap(after) != "-" or after >= len(self._line) or self._form(after).isdigit():
            return False
        if not self._capital(after) or self._form(last).endswith("о"):
            return True
        return not any(name.kind == SETTLEMENT for name in self._store.names(self._form(after)))

    def _line_is_upper(self, token: Token) -> bool:
        start = self._text.rfind("\n", 0, token.start) + 1
        end = self._text.find("\n", token.end)
        return self._text[start : end if end >= 0 else None].isupper()

    def _stands_alone(self, i: int, last: int) -> bool:
        """Say whether punctuation, line ends or other places bound the name on both sides."""
        before, after = self._gap(i), self._gap(last + 1)
        bounded = re.compile(r"[^\s]|\n")
        return (i == 0 or bounded.search(before) is not None) and (
            last + 1 >= len(self._line) or bounded.search(after) is not None
        )

    def _noun_follows(self, last: int) -> bool:
        """Say whether a noun seems to follow, so that an adjective-like name is an adjective (Северный поток)."""
        after = last + 1
        if after >= len(self._line) or not self._line[after].gap.isspace() or "\n" in self._line[after].gap:
            return False
        form = self._form(after)
        return not (form in cues.WHERE or form in cues.CONJUNCTIONS or form.startswith(cues.ALARM) or form.isdigit())

    def _is_locative_adjective(self, i: int) -> bool:
        """Say whether "в Балтийском" is an adjective: the town Балтийск would be "в Балтийске"."""
        form = self._form(i)
        return form.endswith(("ском", "цком")) and self._form(i - 1) in {"в", "во", "на", "о", "об", "при"}

    def _score_latin(self, i: int, population: int, add: Callable[[float, str], None]) -> None:
        """Weigh a Latin spelling: people bear such names (Harris, Isa), and capitals beside it speak of people."""
        before, after = i - 1, i + 1
        if self._form(before) in cues.WHERE:
            return
        if self._capital(before) and self._gap(i) == " " and not self._is_known_town(self._form(before)):
            add(-2.0 if population < 100_000 else -0.5, "after another capital")
        elif self._capital(after) and self._gap(after) == " " and population < 50_000:
            add(-1.0, "before another capital")
        elif self._form(after) in {"village", "town", "city", "district", "settlement"}:
            add(1.5, f"before {self._form(after)!r}")
        elif population == 0 and not self._company:
            add(-0.5, "no sign of a place")

    def _continues_list(self, i: int) -> bool:
        """Say whether a place stands just before, with a comma, slash, dash or conjunction between."""
        before = i - 2 if self._form(i - 1) in cues.CONJUNCTIONS else i - 1
        if before < 0 or (before == i - 1 and not re.fullmatch(r"\s*[,/—–-]\s*", self._gap(i))):
            return False
        return any(found.first <= before <= found.last and found.strength != "weak" for found in self._found)

    def _own_line(self, i: int, last: int) -> bool:
        """Say whether the name fills its line."""
        first, after = i == 0 or "\n" in self._gap(i), last + 1 >= len(self._line) or "\n" in self._gap(last + 1)
        return first and after and len(self._line) > last - i + 1

    def _is_person(self, i: int, *, loose: bool = False) -> bool:
        """Say whether a given name, patronymic, initial or rank stands beside the word.

        `loose`: a given name after it is not enough (the word is a known town and no surname).
        """
        before, after = i - 1, i + 1
        if before >= 0 and self._gap(i).strip(" .\u00a0") == "":
            form = self._form(before)
            plain = self._gap(i).isspace()
            if form in cues.RANKS and plain:
                return True
            if self._capital(before) and plain and (self._store.is_given_name(form) or _PATRONYMIC.search(form)):
                return True
            if len(form) == 1 and self._capital(before) and "." in self._gap(i):
                return form not in {"г", "с", "п", "м", "х", "д"} or self._line[before].upper
        if (
            after < len(self._line)
            and self._capital(after)
            and self._gap(after).isspace()
            and "\n" not in self._gap(after)
        ):
            form = self._form(after)
            if _PATRONYMIC.search(form):
                return True
            if self._store.is_given_name(form):
                named = _PATRONYMIC.search(self._form(after + 1)) is not None
                return named or not (loose or self._is_known_town(form))
            return len(form) == 1 and self._gap(after + 1).startswith(".")
        return False

    def _is_known_town(self, form: str) -> bool:
        """Say whether a word is a region's name or a town's."""
        for name in self._store.names(form):
            if name.kind == REGION:
                return True
            if name.kind == SETTLEMENT and not name.rest:
                return any((place.population or 0) >= 20_000 for place in self._store.places(name.targets))
        return False

    def _is_address(self, i: int) -> bool:
        return self._form(i - 1) in cues.STREET and "\n" not in self._gap(i)

    def _is_emblem(self, i: int, last: int) -> bool:
        near = {self._form(i - 1), self._form(i - 2)}
        quoted = self._gap(i).rstrip().endswith(("«", '"', "“", "„")) and self._gap(last + 1)[:1] in {
            "»",
            '"',
            "”",
            "“",
        }
        if quoted:
            return True
        if near & cues.SHIPS and self._form(i - 1) not in cues.WHERE:
            return True
        return self._form(i - 1) in cues.UNITS | cues.CLUBS and self._form(i - 1) not in {
            "легион",
            "команда",
            "команды",
        }


_NAMED, _ONLY, _HOME, _BIGGEST, _COMPANY, _OPEN, _ELSEWHERE = (
    "its region is named",
    "the only place of that name",
    "the channel's home",
    "by far the biggest of its name",
    "near other places of its region",
    "several places of that name",
    "another region is named",
)
_HOW_POINTS = {_NAMED: 2.0, _ONLY: 0.3, _HOME: 1.0, _BIGGEST: 0.0, _COMPANY: 0.8, _OPEN: -1.5, _ELSEWHERE: -6.0}
_PROMINENCE = ((50_000, 2.0), (10_000, 1.5), (1_000, 1.0), (1, 0.8))
