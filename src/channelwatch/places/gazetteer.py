"""The door of this room: which region does a name mean, and which asked regions does a text speak of?"""

import difflib
import functools
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from channelwatch.places.cues import INNER_CITY
from channelwatch.places.finder import Finder
from channelwatch.places.found import Found
from channelwatch.places.key import CLASSES, key
from channelwatch.places.mention import STRENGTHS, Mention, Strength
from channelwatch.places.reading import unglue
from channelwatch.places.region import Region, UnknownRegion
from channelwatch.places.schema import (
    ADJECTIVE,
    BOUND_ADJECTIVE,
    DISTRICT,
    PEOPLE,
    REGION,
    REGION_ADJECTIVE,
    REGION_LATIN,
    SETTLEMENT,
)
from channelwatch.places.store import FILE, Store, fits
from channelwatch.text.words import Word, words

_ANY_LENS = 32
_MEMO_LIMIT = 200_000


class Gazetteer:
    """Regions, districts and settlements of Russia, Ukraine and Belarus, by every name and form they go by."""

    def __init__(self, store: Store) -> None:
        """Use an open store; most callers want `load`."""
        self._store = store
        self.regions: tuple[Region, ...] = tuple(
            Region(row.code, row.uk if row.code.startswith("UA") else row.ru) for row in store.regions.values()
        )
        """Every first-level region, Russia first, in the order of the hand-kept table."""
        self._by_code = {row.code: row for row in store.regions.values()}
        self._lenses: dict[frozenset[int], _Lens] = {}

    @staticmethod
    @functools.cache
    def load(file: Path = FILE) -> "Gazetteer":
        """Open the gazetteer shipped with the package (or `file`); later calls return the same object."""
        return Gazetteer(Store(file))

    def region(self, name_or_code: str) -> Region:
        """Return the region of a code or of any of its names, in any form and case.

        ``RU-BEL``, ``Белгородская область``, ``Белгородчине``, ``Belgorod region``, ``бгд``. The capital's name
        will do (``Белгород``). Raises UnknownRegion (a LookupError) with suggestions.
        """
        code = name_or_code.strip().upper().replace("_", "-")
        row = self._by_code.get(code)
        if row is None:
            row = self._by_code.get(self._code_of_name(name_or_code) or "")
        if row is None:
            raise UnknownRegion(name_or_code, self._near(name_or_code))
        return next(region for region in self.regions if region.code == row.code)

    def _code_of_name(self, name: str) -> str | None:
        line = words(name)
        if not line:
            return None
        readings = [n for n in self._store.names(line[0].form) if _reaches(n.rest, line)]
        for kinds in ({REGION}, {REGION_ADJECTIVE, BOUND_ADJECTIVE, REGION_LATIN}):
            for reading in sorted((n for n in readings if n.kind in kinds), key=lambda n: -len(n.rest)):
                tail = [word.form for word in line[1 + len(reading.rest) :]]
                targets = [self._store.regions[target] for target in reading.targets]
                if len(targets) > 1:
                    cities = reading.kind in {REGION, REGION_ADJECTIVE} and not tail
                    targets = [row for row in targets if (row.kind == "city") == cities] or targets
                if len(tail) <= 2 and len(targets) >= 1 and not (len(targets) > 1 and kinds == {REGION}):
                    return targets[0].code
        for reading in readings:
            if reading.kind == SETTLEMENT and len(line) == 1 + len(reading.rest):
                best = max(self._store.places(reading.targets), key=lambda place: place.population or 0)
                row = self._store.regions.get(best.region or 0)
                seat = row and best.id == row.first_place and (best.population or 0) > 0
                if row and seat:
                    return row.code
        return None

    def _near(self, name: str) -> tuple[str, ...]:
        asked = name.casefold()
        spelled = {
            each.casefold(): each for row in self._store.regions.values() for each in (row.ru, row.uk, row.en, row.code)
        }
        near = difflib.get_close_matches(asked, spelled, n=3, cutoff=0.5)
        return tuple(f"{spelled[each]}" for each in near)

    def mentions(
        self,
        text: str,
        words: Sequence[Word],
        regions: Collection[str | Region],
        home: Collection[str] = (),
        *,
        minimum: Strength = "homonym",
    ) -> list[Mention]:
        """Return the places of the asked `regions` (codes or Region) that `text` speaks of, in the order of the text.

        `words` are ``text.words.words(text)``. `home` are the codes of the channel's own regions; they only break
        ties between namesakes. Mentions weaker than `minimum` are left out; ``minimum="weak"`` also gives those that
        more likely mean something else, with the reasons. An unknown code raises UnknownRegion.
        """
        asked = frozenset(self._id(region) for region in regions)
        lens = self._lenses.get(asked)
        if lens is None:
            if len(self._lenses) >= _ANY_LENS:
                self._lenses.clear()
            lens = self._lenses[asked] = _Lens(self._store, asked)
        line = unglue(text, words)
        if not lens.touches(text, line):
            return []
        found = Finder(self._store, text, line, frozenset(self._id(code) for code in home)).find()
        enough = STRENGTHS.index(minimum)
        return [
            self._mention(text, line, each)
            for each in found
            if each.region in asked and STRENGTHS.index(each.strength) <= enough
        ]

    def _id(self, region: str | Region) -> int:
        row = self._by_code.get(region.code if isinstance(region, Region) else region)
        return row.id if row else self._by_code[self.region(str(region)).code].id

    def _mention(self, text: str, line: Sequence[Word], found: Found) -> Mention:
        start, end = line[found.first].start, line[found.last].end
        return Mention(
            start, end, text[start:end], found.place, self._store.regions[found.region].code,
            found.lat, found.lon, found.strength, tuple(found.reasons),
        )  # fmt: skip


def _reaches(rest: tuple[tuple[str, str], ...], line: Sequence[Word]) -> bool:
    return len(rest) < len(line) and all(fits(word.form, s, c) for word, (s, c) in zip(line[1:], rest, strict=False))


class _Lens:
    """The quick look: may any word of a post name a place of the asked regions? Each word is judged once."""

    def __init__(self, store: Store, asked: frozenset[int]) -> None:
        self._store = store
        self._asked = asked
        self._memo: dict[str, _Verdict | None] = {}

    def touches(self, text: str, words: Sequence[Word]) -> bool:
        """Say whether the post deserves the careful look."""
        memo = self._memo
        for i, word in enumerate(words):
            try:
                verdict = memo[word.form]
            except KeyError:
                if len(memo) >= _MEMO_LIMIT:
                    memo.clear()
                verdict = memo[word.form] = self._judge(word.form)
            if verdict is not None:
                if verdict.alone and (verdict.small or text[word.start].isupper()):
                    return True
                after = key(words[i + 1].form) if i + 1 < len(words) else ""
                if any(after.startswith(stem) and after[len(stem) :] in CLASSES[cls] for stem, cls in verdict.seconds):
                    return True
        return False

    def _judge(self, form: str) -> "_Verdict | None":
        small = alone = False
        seconds: set[tuple[str, str]] = set()
        for name in self._store.names(form):
            if self._asked.isdisjoint(self._regions(name.kind, name.targets)):
                continue
            if name.rest:
                seconds.add(name.rest[0])
                continue
            alone = True
            plain = name.common or name.given or name.surname or len(form) < 5
            small |= not (
                name.cls == "latin"
                or (name.kind == SETTLEMENT and plain)
                or (name.kind in {DISTRICT, ADJECTIVE} and any(form.startswith(stem) for stem in INNER_CITY))
            )
        return _Verdict(small=small, alone=alone, seconds=tuple(sorted(seconds))) if alone or seconds else None

    def _regions(self, kind: int, targets: tuple[int, ...]) -> set[int]:
        if kind in {REGION, REGION_ADJECTIVE, PEOPLE, REGION_LATIN, BOUND_ADJECTIVE}:
            return set(targets)
        if kind == DISTRICT:
            return {self._store.districts[target].region for target in targets}
        return {self._store.region_of_place(target) for target in targets}


class _Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a word may start."""

    small: bool
    """True where it counts in small letters too."""
    alone: bool
    """True where it is a name by itself; else one of `seconds` must follow."""
    seconds: tuple[tuple[str, str], ...]
