"""Read the gazetteer's file: names by word, settlements by id. Nothing is loaded before it is asked for."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

import msgspec

from channelwatch.places.key import CLASS_NAMES, CLASSES, cuts, key

FILE = Path(__file__).parent / "data" / "places.db"
_MEMO_LIMIT = 200_000


class Name(msgspec.Struct, frozen=True, gc=False):
    """One reading of a word: what it may name, and what else the word may be."""

    kind: int
    cls: str
    rest: tuple[tuple[str, str], ...]
    """(stem, class) of each further word that must follow."""
    common: bool
    given: bool
    surname: bool
    targets: tuple[int, ...]


class RegionRow(msgspec.Struct, frozen=True):
    """One first-level region as the file keeps it."""

    id: int
    code: str
    kind: str
    ru: str
    uk: str
    en: str
    lat: float | None
    lon: float | None
    first_place: int


class DistrictRow(msgspec.Struct, frozen=True):
    """One district, or a Ukrainian community."""

    id: int
    region: int
    community: int
    name: str
    lat: float | None
    lon: float | None


class PlaceRow(msgspec.Struct, frozen=True):
    """One settlement; no position means that no trustworthy one is known."""

    id: int
    region: int | None
    district: int | None
    name: str
    population: int | None
    lat: float | None
    lon: float | None


class Store:
    """The open file, and a memory of the words and settlements asked for so far."""

    def __init__(self, file: Path = FILE) -> None:
        """Open `file` read-only; any thread may ask."""
        self._db = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self.regions = {row[0]: RegionRow(*row) for row in self._db.execute("SELECT * FROM regions ORDER BY id")}
        self._firsts = [row.first_place for row in self.regions.values()]
        self._end = self._db.execute("SELECT count(*) FROM places WHERE region IS NOT NULL").fetchone()[0]
        self.districts = {row[0]: DistrictRow(*row) for row in self._db.execute("SELECT * FROM districts")}
        self._stems: set[str] | None = None
        self._names: dict[str, tuple[Name, ...]] = {}
        self._places: dict[int, PlaceRow] = {}
        self._given: dict[str, bool] = {}

    def names(self, form: str) -> tuple[Name, ...]:
        """Return every reading of a folded word as the first word of a name."""
        found = self._names.get(form)
        if found is None:
            if len(self._names) >= _MEMO_LIMIT:
                self._names.clear()
            found = self._names[form] = tuple(self._read(key(form)))
        return found

    def _read(self, word: str) -> Iterable[Name]:
        if self._stems is None:  # 10 MB that spare the file a question about every new word
            self._stems = {stem for (stem,) in self._db.execute("SELECT DISTINCT stem FROM names")}
        stems = [stem for stem in cuts(word) if stem in self._stems]
        if not stems:
            return
        marks = ",".join("?" * len(stems))
        rows = self._db.execute(f"SELECT * FROM names WHERE stem IN ({marks}) ORDER BY kind, stem, cls, rest", stems)
        for stem, cls, rest, kind, common, given, surname, targets in rows:
            endings = CLASSES[CLASS_NAMES[cls]]
            try:
                bit = 1 << endings.index(word[len(stem) :])
            except ValueError:
                continue
            yield Name(
                kind,
                CLASS_NAMES[cls],
                tuple((s, CLASS_NAMES[int(c)]) for s, _, c in (part.partition(":") for part in rest.split())),
                bool(common & bit),
                bool(given & bit),
                bool(surname & bit),
                tuple(map(int, targets.split())),
            )

    def region_of_place(self, place: int) -> int:
        """Return the region's id of a settlement's id, or 0 for a foreign city."""
        return bisect_right(self._firsts, place) if place <= self._end else 0

    def places(self, ids: Iterable[int]) -> list[PlaceRow]:
        """Return the settlements of those ids, in their order."""
        wanted = tuple(ids)
        missing = [i for i in wanted if i not in self._places]
        for at in range(0, len(missing), 500):
            part = missing[at : at + 500]
            marks = ",".join("?" * len(part))
            for row in self._db.execute(f"SELECT * FROM places WHERE id IN ({marks})", part):
                self._places[row[0]] = PlaceRow(*row)
        return [self._places[i] for i in wanted]

    def is_given_name(self, form: str) -> bool:
        """Say whether a folded word is a form of a given name."""
        found = self._given.get(form)
        if found is None:
            if len(self._given) >= _MEMO_LIMIT:
                self._given.clear()
            row = self._db.execute("SELECT 1 FROM given_names WHERE key = ?", (key(form),)).fetchone()
            found = self._given[form] = row is not None
        return found


def fits(form: str, stem: str, cls: str) -> bool:
    """Say whether a word, given by its key or folded, is a form of (stem, class)."""
    word = key(form)
    return word.startswith(stem) and word[len(stem) :] in CLASSES[cls]
