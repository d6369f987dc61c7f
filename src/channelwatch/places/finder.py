"""Weigh one post: which places of which regions does it speak of?

Three passes, surest first: regions by name; districts by adjective and noun; settlements by name. What an earlier
pass took, a later one leaves alone, and the regions named in a post settle which of several namesakes is meant.
A settlement's name collects points for and against (`weighing`); from `ENOUGH` points on it counts.
"""

from collections.abc import Sequence

from channelwatch.places import cues
from channelwatch.places.context import COMPANY, HOME, NAMED, OPEN, Context
from channelwatch.places.found import Found
from channelwatch.places.mention import Strength
from channelwatch.places.names import NamesInLine
from channelwatch.places.reading import Line, joined
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

_WELL_KNOWN = 20_000
"""Of several namesakes that nothing tells apart, only one so big is believed."""
_GOVERNMENTS = {"RU-MOW", "UA-30", "BY-HM"}


class Finder:
    """The three passes over one post."""

    def __init__(self, store: Store, text: str, words: Sequence[Word], home: frozenset[int]) -> None:
        """Look at the post's words (no two glued together); `home` are the ids of the channel's own regions."""
        self._store = store
        self._line = Line(text, words)
        muted = self._line.muted()
        self._taken = [i in muted for i in range(len(self._line))]
        self._found: list[Found] = []
        self._names = NamesInLine(self._line, store, self._taken)
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

    def _take(self, first: int, last: int) -> None:
        self._taken[first : last + 1] = [True] * (last + 1 - first)

    def _long_names(self) -> None:
        """Take names of three words and more first (Славянск-на-Кубани), so that no part is taken for a region."""
        for i in range(len(self._line)):
            if not self._taken[i]:
                for last, name in self._names.merged(i):
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
        for last, name in self._names.readings(i, REGION, REGION_LATIN):
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
        for last, name in self._names.readings(i, REGION_ADJECTIVE, BOUND_ADJECTIVE):
            rows = [self._store.regions[target] for target in name.targets]
            for row in rows:
                noun = self._names.noun_after(last, cues.REGION_NOUNS[row.kind])
                if noun is not None:
                    self._add_region(i, last, row.id, "region", f"adjective with {self._line.form(noun)!r}")
                    self._take(i, noun if noun == last + 1 else last)
                    return True
            if name.kind == BOUND_ADJECTIVE or self._names.noun_after(last, cues.DISTRICT_NOUNS) is not None:
                continue
            if self._line.keys[last][-1] in "ауе" and any(self._names.readings(i, SETTLEMENT)):
                continue  # из Донецка, в Курске: the town
            if not self._signs.adjective_may_stand_alone(i, last):
                continue
            cities = [row for row in rows if row.kind == "city"] or rows
            for row in cities:
                self._add_region(i, last, row.id, "settlement", "adjective of the region")
            self._take(i, last)
            return True
        return False

    def _region_by_people(self, i: int) -> bool:
        for last, name in self._names.readings(i, PEOPLE):
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
                for last, name in self._names.readings(i, DISTRICT, ADJECTIVE):
                    noun = self._names.noun_after(last, cues.DISTRICT_NOUNS)
                    way = self._names.noun_after(last, cues.DIRECTION_NOUNS) if noun is None else None
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
            for last, name in self._names.merged(i):
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

    def _weigh(self, i: int, last: int, name: Name) -> Found | None:
        token = self._line[i]
        lower = not self._line.capital(i)
        people = name.kind == TOWNSFOLK
        cued = self._signs.is_typed(i)
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
