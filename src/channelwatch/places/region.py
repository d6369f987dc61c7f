"""A first-level region, and the error for a name that is none."""

import msgspec


class Region(msgspec.Struct, frozen=True):
    """One first-level region of Russia, Ukraine or Belarus: ISO 3166-2 code and name.

    Disputed territories carry the Ukrainian code. `name` is in the country's language.
    """

    code: str
    name: str


class UnknownRegion(LookupError):
    """No region bears that name; `suggestions` are names near to it, at most three."""

    def __init__(self, asked: str, suggestions: tuple[str, ...]) -> None:
        """Keep what was asked, and word the error with the suggestions."""
        self.asked = asked
        self.suggestions = suggestions
        hint = f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""
        super().__init__(f"no region is called {asked!r}{hint}")

    def __str__(self) -> str:
        """Give the sentence as it is (KeyError would quote it)."""
        return str(self.args[0])
