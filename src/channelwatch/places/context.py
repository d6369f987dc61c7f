"""Which of several namesakes is meant: what the post names besides, and the channel's home, decide."""

from collections.abc import Sequence
from dataclasses import dataclass

from channelwatch.places import cues
from channelwatch.places.reading import STOP, Line

UNKNOWN_POPULATION = 400
"""cities500 lists settlements from 500 inhabitants on; what it lacks is smaller."""

NAMED, ONLY, HOME, BIGGEST, COMPANY, OPEN, ELSEWHERE = (
    "its region is named",
    "the only place of that name",
    "the channel's home",
    "by far the biggest of its name",
    "near other places of its region",
    "several places of that name",
    "another region is named",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which region's namesake is meant, and why."""

    region: int
    how: str
    settled: bool = True
    """False where nothing settles it."""


class Context:
    """What is known of a post so far."""

    def __init__(self, line: Line, taken: Sequence[bool], home: frozenset[int]) -> None:
        """`taken` are the tokens already used up; `home` are the channel's own regions."""
        self._line = line
        self._taken = taken
        self._home = home
        self.named: list[tuple[int, int]] = []
        """(token, region): regions that the text itself names."""
        self.company: set[int] = set()
        """Regions of places that are certain."""

    def choose(self, populations: dict[int, int], i: int, last: int) -> Choice:
        """Choose among namesakes: the regions the text names, the channel's home, the biggest by far, the company."""
        biggest = max(populations, key=lambda region: (populations[region], -region))
        top = populations[biggest]
        in_text = [(abs(at - i) + (3 if at > i else 0), region) for at, region in self.named if region in populations]
        if in_text:
            nearest = min(in_text)[1]
            if top < 50_000 or top < 20 * max(populations[nearest], UNKNOWN_POPULATION):
                return Choice(nearest, NAMED)
        at_home = [region for region in populations if region in self._home]
        small = top < 10_000 or any(populations[region] < 10_000 for region in at_home)
        if small and self._placed_elsewhere(i, last):
            return Choice(biggest, ELSEWHERE, settled=False)
        if len(populations) == 1:
            return Choice(biggest, ONLY)
        if at_home:
            own = max(at_home, key=lambda region: populations[region])
            if top <= 30 * max(populations[own], UNKNOWN_POPULATION):
                return Choice(own, HOME)
        second = max(*(n for region, n in populations.items() if region != biggest), UNKNOWN_POPULATION)
        if top >= 2 * second:
            return Choice(biggest, BIGGEST)
        company = [region for region in populations if region in self.company]
        if company:
            return Choice(max(company, key=lambda region: populations[region]), COMPANY)
        return Choice(biggest, OPEN, settled=False)

    def _placed_elsewhere(self, i: int, last: int) -> bool:
        """Say whether the text puts the name elsewhere: "X Орловской области", "Орловская область: X"."""
        for at, _ in self.named:
            if last < at <= last + 2 and not STOP.search(self._line.gap(last + 1)):
                return True
        before = [at for at, _ in self.named if at < i]
        if not before:
            return False
        header = max(before)
        after = next((j for j in range(header + 1, len(self._line)) if not self._taken[j]), header + 1)
        heading = "\n" in self._line.gap(after) or ":" in self._line.gap(after)
        starts = header == 0 or "\n" in self._line.gap(header)
        return (
            (heading and starts)
            or (i - after <= 1 and self._line.form(after) in cues.WHERE | cues.TYPE_WORDS)
            or after == i
        )

    def names_others(self, choice: Choice) -> bool:
        """Say whether the post speaks of other regions and not of the chosen one."""
        others = (self.company | {region for _, region in self.named}) - {choice.region}
        return bool(others) and choice.region not in self.company and choice.how not in {NAMED, HOME}
