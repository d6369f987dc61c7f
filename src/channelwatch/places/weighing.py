"""Points for and against a settlement's name, each with its reason."""

import re
from collections.abc import Callable, Sequence

from channelwatch.places import cues
from channelwatch.places.context import BIGGEST, COMPANY, ELSEWHERE, HOME, NAMED, ONLY, OPEN, Choice, Context
from channelwatch.places.found import Found
from channelwatch.places.reading import STOP, Line, joined
from channelwatch.places.schema import TOWNSFOLK
from channelwatch.places.signs import Signs
from channelwatch.places.store import Name, PlaceRow

ENOUGH = 1.0
"""Points from which a settlement's name counts; tuned, as all points here, on labelled posts of alarm channels."""

_HOW = {NAMED: 2.0, ONLY: 0.3, HOME: 1.0, BIGGEST: 0.0, COMPANY: 0.8, OPEN: -1.5, ELSEWHERE: -6.0}
_PROMINENCE = ((50_000, 2.0), (10_000, 1.5), (1_000, 1.0), (1, 0.8))
_LIKE_ADJECTIVE = re.compile(r"(?:ии|ий|ой|ои|ого|его|ому|ему|им|ом|ая|яя|ую|юю|ое|ее|ие|их)$")
_LIKE_SURNAME = re.compile(r"(?:ов|ев|ин)(?:а|у|им)$")


class Weighing:
    """The weighing of one post's settlements."""

    def __init__(self, line: Line, signs: Signs, context: Context, found: Sequence[Found]) -> None:
        """`found` grows while the post is read."""
        self._line = line
        self._signs = signs
        self._context = context
        self._found = found
        self._alarm = any(token.form.startswith(cues.ALARM) for token in line.tokens)

    def score(
        self, i: int, last: int, name: Name, place: PlaceRow, choice: Choice, *, lower: bool, cued: bool
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

        add(_HOW[choice.how], choice.how)
        if lower and not people:
            add(-1.2 if population < 20_000 else -0.6, "written small")
        if last > i:
            add(1.0, "several words")
        before = self._line.form(i - 1)
        own_line = self._line.own_line(i, last)
        if cued and not STOP.search(self._line.gap(i)):
            add(2.5, f"after {before!r}")
        elif before in cues.WHERE and joined(self._line[i]):
            add(1.0, f"after {before!r}")
        elif own_line:
            add(1.2, "a line of its own")
        elif self._line.stands_alone(i, last):
            add(0.8, "stands alone")
        if self._continues_list(i):
            add(0.8, "in a list of places")
        if before in cues.OFFICES and not self._line[i].opens:
            add(1.0, f"after {before!r}")
        if self._alarm:
            add(0.7, "in an alarm post")
        adjectival = last == i and name.cls.startswith("adj") and _LIKE_ADJECTIVE.search(self._line.keys[i]) is not None
        noun_follows = adjectival and self._signs.noun_follows(last)
        if noun_follows and not name.common and not cued:
            add(-2.5, "an adjective")
        if last == i and self._signs.is_locative_adjective(i):
            add(-4.0, "an adjective")
        if last == i and name.cls == "latin" and not cued:
            self._score_latin(i, population, add)
        surname_like = last == i and _LIKE_SURNAME.search(self._line.keys[i]) is not None
        if surname_like and population < 20_000 and not cued and before not in cues.INSIDE:
            add(-0.8, "like a surname")
        if name.common and noun_follows and not cued:
            add(-3.0, "an adjective")
        elif name.common and not people:
            shown = cued or own_line or before in cues.WHERE | cues.OFFICES or self._continues_list(i)
            if not cued and self._line.form(i) in cues.SLOGANS:
                add(-4.0, "also a common word")
            elif (self._line[i].opens and not (cued or own_line)) or not (shown or self._line.stands_alone(i, last)):
                add(-3.0, "also a common word")
            else:
                add(-1.2 if before in cues.WHERE and not lower and not noun_follows else -2.0, "also a common word")
        if name.given:
            placed = before in cues.INSIDE and not self._line.capital(last + 1)
            add(-0.8 if placed else -2.5, "also a given name")
        if name.surname:
            add(-1.2 if population < 100_000 and before not in cues.WHERE else -0.5, "also a surname")
        loose = population >= 5_000 and not (name.surname or name.given)
        surname = name.given or name.surname
        if self._signs.is_person(i, loose=loose) and not cued and (surname or before not in cues.WHERE):
            add(-4.0, "part of a person's name")
        if self._signs.is_address(i) or (
            name.cls.startswith(("adj", "latin")) and self._line.form(last + 1) in cues.STREET
        ):
            add(-5.0, "an address")
        if population < 2_000 and not cued and self._context.names_others(choice):
            add(-0.8, "among places of other regions")
        if self._signs.is_emblem(i, last):
            add(-4.0, "a unit, ship or club")
        return score, reasons

    def _score_latin(self, i: int, population: int, add: Callable[[float, str], None]) -> None:
        """Weigh a Latin spelling: people bear such names (Harris, Isa), and capitals beside it speak of people."""
        before, after = i - 1, i + 1
        if self._line.form(before) in cues.WHERE:
            return
        if (
            self._line.capital(before)
            and self._line.gap(i) == " "
            and not self._signs.is_known_town(self._line.form(before))
        ):
            add(-2.0 if population < 100_000 else -0.5, "after another capital")
        elif self._line.capital(after) and self._line.gap(after) == " " and population < 50_000:
            add(-1.0, "before another capital")
        elif self._line.form(after) in {"village", "town", "city", "district", "settlement"}:
            add(1.5, f"before {self._line.form(after)!r}")
        elif population == 0 and not self._context.company:
            add(-0.5, "no sign of a place")

    def _continues_list(self, i: int) -> bool:
        """Say whether a place stands just before, with a comma, slash, dash or conjunction between."""
        before = i - 2 if self._line.form(i - 1) in cues.CONJUNCTIONS else i - 1
        if before < 0 or (before == i - 1 and not re.fullmatch(r"\s*[,/—–-]\s*", self._line.gap(i))):
            return False
        return any(found.first <= before <= found.last and found.strength != "weak" for found in self._found)
