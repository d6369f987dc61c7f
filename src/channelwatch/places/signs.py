"""The signs in a post that a name means no place: people, addresses, units, ships, adjectives."""

import re

from channelwatch.places import cues
from channelwatch.places.reading import Line, joined
from channelwatch.places.schema import REGION, SETTLEMENT
from channelwatch.places.store import Store

_MASCULINE = re.compile(r"(?:ий|ій|ого|ому|им|ым|ом)$")
_PATRONYMIC = re.compile(r"(?:ович|евич|йович|ьич|овн|евн|івн|инічн)(?:[аеуоиі]|ем|ом|ой|ою)?$")


class Signs:
    """What stands beside a name."""

    def __init__(self, line: Line, store: Store) -> None:
        """Look at one post."""
        self._line = line
        self._store = store

    def hyphened(self, i: int, last: int) -> bool:
        """Say whether the name is only a part of a longer hyphenated word (Белгород-Днестровский)."""
        after = last + 1
        if self._line.gap(after) != "-" or after >= len(self._line) or self._line.form(after).isdigit():
            return False
        if not self._line.capital(after) or self._line.form(last).endswith("о"):
            return True
        return not any(name.kind == SETTLEMENT for name in self._store.names(self._line.form(after)))

    def is_typed(self, i: int) -> bool:
        """Say whether a kind of settlement is named before token `i`; "с" and its like need their full stop."""
        form = self._line.form(i - 1)
        return form in cues.TYPE_WORDS and (len(form) > 1 or form == "г" or "." in self._line.gap(i))

    def noun_follows(self, last: int) -> bool:
        """Say whether a noun seems to follow, so that an adjective-like name is an adjective (Северный поток)."""
        after = last + 1
        if after >= len(self._line) or not self._line[after].gap.isspace() or "\n" in self._line[after].gap:
            return False
        form = self._line.form(after)
        if form in cues.WHERE or form in cues.CONJUNCTIONS or form.startswith(cues.ALARM):
            return False
        return not (form.isdigit() or self._looks_like_verb(form))

    def is_locative_adjective(self, i: int) -> bool:
        """Say whether "в Балтийском" is an adjective: the town Балтийск would be "в Балтийске"."""
        form = self._line.form(i)
        return form.endswith(("ском", "цком")) and self._line.form(i - 1) in {"в", "во", "на", "о", "об", "при"}

    def is_person(self, i: int, *, loose: bool = False) -> bool:
        """Say whether a given name, patronymic, initial or rank stands beside the word.

        `loose`: a given name after it is not enough (the word is a known town and no surname).
        """
        before, after = i - 1, i + 1
        if before >= 0 and self._line.gap(i).strip(" .\u00a0") == "":
            form = self._line.form(before)
            plain = self._line.gap(i).isspace()
            if form in cues.RANKS and plain:
                return True
            if self._line.capital(before) and plain and (self._store.is_given_name(form) or _PATRONYMIC.search(form)):
                return True
            if len(form) == 1 and self._line.capital(before) and "." in self._line.gap(i):
                return form not in {"г", "с", "п", "м", "х", "д"} or self._line[before].upper
        if (
            after < len(self._line)
            and self._line.capital(after)
            and self._line.gap(after).isspace()
            and "\n" not in self._line.gap(after)
        ):
            form = self._line.form(after)
            if _PATRONYMIC.search(form):
                return True
            if self._store.is_given_name(form):
                named = _PATRONYMIC.search(self._line.form(after + 1)) is not None
                return named or not (loose or self.is_known_town(form))
            return len(form) == 1 and self._line.gap(after + 1).startswith(".")
        return False

    def is_known_town(self, form: str) -> bool:
        """Say whether a word is a region's name or a town's."""
        for name in self._store.names(form):
            if name.kind == REGION:
                return True
            if name.kind == SETTLEMENT and not name.rest:
                return any((place.population or 0) >= 20_000 for place in self._store.places(name.targets))
        return False

    def is_address(self, i: int) -> bool:
        """Say whether a word for a street stands before token `i`."""
        return self._line.form(i - 1) in cues.STREET and joined(self._line[i])

    def is_emblem(self, i: int, last: int) -> bool:
        """Say whether the name is a unit's, a ship's, a club's, or stands alone in quotation marks."""
        if self.quoted(i, last):
            return True
        before = i - 2 if self._line.form(i - 1).isdigit() or self._line.form(i - 1) == "к" else i - 1
        if self._line.form(before) in cues.SHIPS:
            return True
        return self._line.form(i - 1) in cues.UNITS | cues.CLUBS and self._line.form(i - 1) not in {
            "легион",
            "команда",
            "команды",
        }

    def quoted(self, i: int, last: int) -> bool:
        """Say whether tokens `i` … `last` fill a pair of quotation marks."""
        opened = self._line.gap(i).rstrip().endswith(("«", '"', "“", "„"))
        return opened and self._line.gap(last + 1)[:1] in {"»", '"', "”", "“"}

    def adjective_may_stand_alone(self, i: int, last: int) -> bool:
        """Say whether a region's adjective speaks of the region without its noun (белгородские власти)."""
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
            if alone or (named and verb) or ((verb or self._line.capital(last + 1)) and self.is_person(i)):
                return False
        quoted = self.quoted(i, last)
        return not quoted

    @staticmethod
    def _looks_like_verb(form: str) -> bool:
        return re.search(r"(?:ил|ал|ил[аи]|ал[аи]|ет|ит|ив|ав)$", form) is not None
