"""A place found in a post, before it becomes a `Mention`."""

from dataclasses import dataclass, field

from channelwatch.places.mention import Strength


@dataclass(slots=True)
class Found:
    """One place found in tokens `first` … `last`."""

    first: int
    last: int
    region: int
    place: str
    lat: float | None
    lon: float | None
    strength: Strength
    score: float
    reasons: list[str] = field(default_factory=list)
