"""Read the gazetteer's names off a post's line."""

from collections.abc import Iterator, Sequence

import msgspec

from channelwatch.places import cues
from channelwatch.places.key import CLASSES
from channelwatch.places.reading import STOP, Line, joined
from channelwatch.places.schema import ADJECTIVE, BOUND_ADJECTIVE, DISTRICT, REGION_ADJECTIVE, SETTLEMENT, TOWNSFOLK
from channelwatch.places.store import Name, Store

_ADJECTIVES = {REGION_ADJECTIVE, BOUND_ADJECTIVE, DISTRICT, ADJECTIVE}


class NamesInLine:
    """The readings of each token of one post."""

    def __init__(self, line: Line, store: Store, taken: Sequence[bool]) -> None:
        """`taken` are the tokens already used up; it changes while the post is read."""
        self._line = line
        self._store = store
        self._taken = taken
        self._read: list[list[tuple[int, Name]] | None] = [None] * len(line)

    def readings(self, i: int, *kinds: int) -> Iterator[tuple[int, Name]]:
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

    def merged(self, i: int) -> Iterator[tuple[int, Name]]:
        """Yield (last token, name) of settlements, longest first, readings of one stretch as one."""
        stretches: dict[tuple[int, int], Name] = {}
        for last, name in self.readings(i, SETTLEMENT, TOWNSFOLK):
            known = stretches.get((last, name.kind))
            if known is None:
                stretches[last, name.kind] = name
            else:
                targets = tuple(dict.fromkeys([*known.targets, *name.targets]))
                cls = name.cls if name.cls.startswith("adj") else known.cls
                stretches[last, name.kind] = msgspec.structs.replace(known, targets=targets, cls=cls)
        for (last, _), name in stretches.items():
            yield last, name

    def noun_after(self, i: int, nouns: frozenset[str]) -> int | None:
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
