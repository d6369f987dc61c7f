"""Weigh one post: which places of which regions does it speak of?

Three passes, surest first: regions by name; districts by adjective and noun; settlements by name. What an earlier
pass took, a later one leaves alone, and the regions named in a post settle which of several namesakes is meant.
A settlement's name collects points for and against (`weighing`); from `ENOUGH` points on it counts.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from channelwatch.places import cues
from channelwatch.places.context import COMPANY, HOME, NAMED, OPEN, Context
from channelwatch.places.found import Found
from channelwatch.places.key import CLASSES
from channelwatch.places.mention import Strength
from channelwatch.places.reading import STOP, Line, joined
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
from channelwatch.places.signs import Signs
from channelwatch.places.store import Name, PlaceRow, Store
from channelwatch.places.weighing import ENOUGH, Weighing
from channelwatch.text.words import Word

_ADJECTIVES = {REGION_ADJECTIVE, BOUND_ADJECTIVE, DISTRICT, ADJECTIVE}
_MASCULINE = re.compile(r"(?:ий|ій|ого|ому|им|ым|ом)$")
_WELL_KNOWN = 20_000
"""Of several namesakes that nothing tells apart, only one so big is believed."""
_GOVERNMENTS = {"RU-MOW", "UA-30", "BY-HM"}


class Finder:
    """The three passes over one post."""

    def __init__(self, store: Store, text: str, words: Sequence[Word], home: frozenset[int]) -> None:
        """Look at the post's words (no two glued together); `home` are the ids of the channel's own regions."""
        self._store = store
        self._line = Line(text, words)
        self._read: list[list[tuple[int, Name]] | None] = [None] * len(self._line)
        muted = self._line.muted()
        self._taken = [i in muted for i in range(len(self._line))]
        self._found: list[Found] = []
        self._signs = Signs(self._line, store)
        self._context = Context(self._line, self._taken, home)
        self._weighing = Weighing(self._line, self._signs, self._context, self._found)

    def find(self) -> list[Found]:
        """Return every place found, of whatever region, weak ones too, in the order of the text."""
        self._long_names()
        self._regions()
        self._districts()
        doubtful = self._settlements(range(len(self._line)), final=False)
        self._settlements(doubtful, final=True)
        return sorted(self._found, key=lambda found: (found.first, found.last))

    # ------------------------------------------------------------ looking

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
            if j >= len(self._line) or not self._line.keys[j].startswith(stem):
                return None
            if self._line.keys[j][len(stem) :] not in CLASSES[cls] or not joined(self._line[j]):
                return None
        return j

    def _noun_after(self, i: int, nouns: frozenset[str]) -> int | None:
        """Return the last token of the noun that an adjective at `i` belongs to, over an ellipsis too."""
        j = i + 1
        for _ in range(9):
            if j >= len(self._line) or STOP.search(self._line.gap(j)):
                return None
            form = self._line.form(j)
            if form in nouns:
                return j
            if (
                "район" in nouns
                and form == "р"
                and self._line.form(j + 1) in {"н", "на", "не", "ну", "ном", "ны", "нах"}
            ):
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
                        self._context.company.add(found.region)
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
                if not token.capital or self._line.form(noun) not in cues.OBLAST | cues.KRAI | cues.REPUBLIC:
                    continue
                if not joined(self._line[noun]):
                    continue
                last = noun  # noqa: PLW2901 - the noun belongs to the name
            elif not self._line.capital(i) and (last == i and (len(token.form) < 7 or name.common)):
                continue
            if last == i and name.given and self._signs.is_person(i):
                continue
            if last == i and (
                self._signs.is_address(i) or self._signs.is_emblem(i, last) or self._signs.hyphened(i, last)
            ):
                continue
            for region in name.targets:
                row = self._store.regions[region]
                weak = row.code in _GOVERNMENTS and self._line.form(last + 1) in cues.GOVERNMENT_VERBS
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
                    self._add_region(i, last, row.id, "region", f"adjective with {self._line.form(noun)!r}")
                    self._take(i, noun if noun == last + 1 else last)
                    return True
            if name.kind == BOUND_ADJECTIVE or self._noun_after(last, cues.DISTRICT_NOUNS) is not None:
                continue
            if self._line.keys[last][-1] in "ауе" and any(self._readings(i, SETTLEMENT)):
                continue  # из Донецка, в Курске: the town
            if not self._adjective_may_stand_alone(i, last):
                continue
            cities = [row for row in rows if row.kind == "city"] or rows
            for row in cities:
                self._add_region(i, last, row.id, "settlement", "adjective of the region")
            self._take(i, last)
            return True
        return False

    def _adjective_may_stand_alone(self, i: int, last: int) -> bool:
        after, after2, before = self._line.form(last + 1), self._line.form(last + 2), self._line.form(i - 1)
        things = cues.UNITS | cues.STREET | cues.STATIONS | cues.CLUBS | cues.THINGS | cues.SHIPS
        closed = last + 1 >= len(self._line) or not joined(self._line[last + 1])
        if before in cues.STREET or before in cues.UNITS or after in things or (closed and before in cues.RANKS):
            return False
        if after2 in cues.UNITS or after2 in cues.THINGS or (before in cues.CLUBS and self._line.capital(i)):
            return False
        if self._line.capital(i) and _MASCULINE.search(self._line.form(last)):
            named = not self._line[i].opens and (closed or after not in cues.DIRECTION_NOUNS)
            verb = self._looks_like_verb(after)
            alone = closed and before not in cues.CONJUNCTIONS
            if alone or (named and verb) or ((verb or self._line.capital(last + 1)) and self._signs.is_person(i)):
                return False
        quoted = self._signs.quoted(i, last)
        return not quoted

    @staticmethod
    def _looks_like_verb(form: str) -> bool:
        return re.search(r"(?:ил|ал|ил[аи]|ал[аи]|ет|ит|ив|ав)$", form) is not None

    def _region_by_people(self, i: int) -> bool:
        for last, name in self._readings(i, PEOPLE):
            if self._signs.is_person(i) or (name.common and name.surname) or self._signs.is_emblem(i, last):
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
            self._context.named.append((first, region))

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
        choice = self._context.choose(dict.fromkeys(regions, 0), i, last)
        target = regions[choice.region][0]
        if name.kind == DISTRICT:
            row = self._store.districts[target]
            place, lat, lon = row.name, row.lat, row.lon
        else:
            town = self._store.places([target])[0]
            place, lat, lon = town.name, town.lat, town.lon
        end = noun if noun is not None else way
        what = self._line.form(end) if end is not None else ""
        strength: Strength = "district" if name.kind == DISTRICT else "settlement"
        reasons = [f"adjective with {what!r}", choice.how]
        inner = any(self._line.form(i).startswith(stem) for stem in cues.INNER_CITY)
        if not choice.settled or (inner and choice.how not in {NAMED, HOME}) or self._signs.is_address(i):
            strength = "weak"
        if lat is None:
            lat, lon = self._store.regions[choice.region].lat, self._store.regions[choice.region].lon
            reasons.append("position is its region's")
        self._found.append(Found(i, last, choice.region, place, lat, lon, strength, 4.0, reasons))
        if strength != "weak":
            self._context.company.add(choice.region)
            if choice.settled and noun is not None:
                self._context.named.append((i, choice.region))
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
                    self._context.company.add(found.region)
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
        lower = not self._line.capital(i)
        people = name.kind == TOWNSFOLK
        cued = self._line.form(i - 1) in cues.TYPE_WORDS
        if lower and not people and (len(token.form) < 5 or ((name.common or name.given or name.surname) and not cued)):
            return None
        if lower and not cued and name.cls.startswith(("latin", "adj")):
            return None
        if last == i and (len(token.form) < 3 or (not cued and self._line.keys[i].startswith(cues.NATIONAL))):
            return None
        if (
            token.upper
            and last == i
            and len(token.form) <= 4
            and name.cls != "exact"
            and not self._line.all_upper(token)
        ):
            return None
        if self._signs.hyphened(i, last):
            return None
        populations: dict[int, int] = {}
        best: dict[int, PlaceRow] = {}
        for place in self._store.places(name.targets):
            region = place.region or 0
            population = place.population or 0
            if region not in best or population > populations[region]:
                populations[region], best[region] = population, place
        choice = self._context.choose(populations, i, last)
        if choice.region == 0:
            return None
        place = best[choice.region]
        score, reasons = self._weighing.score(i, last, name, place, choice, lower=lower, cued=cued)
        strength: Strength = "homonym" if choice.how in {NAMED, HOME, COMPANY, OPEN} and len(best) > 1 else "settlement"
        if choice.how == OPEN and populations[choice.region] < _WELL_KNOWN:
            score = min(score, 0.0)
        lat, lon = place.lat, place.lon
        if lat is None and place.district is not None:
            district = self._store.districts[place.district]
            lat, lon = district.lat, district.lon
            reasons.append("position is its district's")
        if lat is None:
            lat, lon = self._store.regions[choice.region].lat, self._store.regions[choice.region].lon
            reasons.append("position is its region's")
        return Found(i, last, choice.region, place.name, lat, lon, strength, score, reasons)
