"""The shape of the gazetteer's file, shared by the builder and the program.

A plain SQLite file, opened read-only: it opens at once, costs little memory, and anybody can look into it.
A row of ``names`` says: words that start with `stem` and go on with an ending of class `cls` (an index into
`key.CLASSES`), followed by the words of `rest` (``stem:class`` each), name the `targets` (ids, blank-separated)
of the table that `kind` stands for. `common`, `given` and `surname` have bit *i* set where the class's
*i*-th ending makes a common word, a given name or a surname. The settlements of a region have consecutive ids from
its `first_place`; after the last region come foreign cities, which are there to be told apart, never to be found.
"""

REGION = 1
"""A noun, short form or full name that alone means a region → regions."""
REGION_ADJECTIVE = 2
"""An adjective of a region (белгородский) → regions."""
PEOPLE = 3
"""Inhabitants of a region (белгородцы) → regions."""
REGION_LATIN = 4
"""A Latin stem that means a region before Oblast, Region, Krai … → regions."""
DISTRICT = 5
"""An adjective or short form of a district, heard only before район, р-н, громада … → districts."""
SETTLEMENT = 6
"""A settlement's name → places."""
ADJECTIVE = 7
"""An adjective of a settlement, heard only before направление, район, громада … → places."""
BOUND_ADJECTIVE = 17
"""An adjective of a region that is too common alone, heard only before область, край … → regions."""
TOWNSFOLK = 27
"""Inhabitants of a settlement (грайворонцы) → places."""

COMMON, GIVEN, SURNAME = 1, 2, 4
"""Bits of the dictionary class of a word, used while building."""

SCHEMA = (
    """CREATE TABLE regions (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, ru TEXT NOT NULL,
       uk TEXT NOT NULL, en TEXT NOT NULL, lat REAL, lon REAL, first_place INTEGER NOT NULL)""",
    """CREATE TABLE districts (id INTEGER PRIMARY KEY, region INTEGER NOT NULL REFERENCES regions,
       community INTEGER NOT NULL, name TEXT NOT NULL, lat REAL, lon REAL)""",
    """CREATE TABLE places (id INTEGER PRIMARY KEY, region INTEGER REFERENCES regions,
       district INTEGER REFERENCES districts, name TEXT NOT NULL, population INTEGER, lat REAL, lon REAL)""",
    """CREATE TABLE names (stem TEXT NOT NULL, cls INTEGER NOT NULL, rest TEXT NOT NULL, kind INTEGER NOT NULL,
       common INTEGER NOT NULL, given INTEGER NOT NULL, surname INTEGER NOT NULL, targets TEXT NOT NULL,
       PRIMARY KEY (stem, cls, rest, kind)) WITHOUT ROWID""",
    "CREATE TABLE given_names (key TEXT PRIMARY KEY) WITHOUT ROWID",
)
