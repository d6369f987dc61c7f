"""What a text says about a place, and how sure we are."""

from typing import Literal

import msgspec

Strength = Literal["region", "district", "settlement", "homonym", "weak"]

STRENGTHS: tuple[Strength, ...] = ("region", "district", "settlement", "homonym", "weak")
"""Strongest first. ``region``: the region is named; ``district``: a district of it; ``settlement``: a settlement
(unique, or by far the biggest of its name), an adjective or the inhabitants; ``homonym``: one of several namesakes,
settled by what else the text names or by the channel's home; ``weak``: more likely something else."""


class Mention(msgspec.Struct, frozen=True):
    """One stretch of a text that speaks of a place; ``text[start:end]`` is `text`.

    `region` is an ISO 3166-2 code. `lat`, `lon` are WGS 84 degrees or None; a settlement without a trusted position
    carries its district's or region's, and `reasons` says so. `reasons` are short English phrases for people.
    """

    start: int
    end: int
    text: str
    place: str
    region: str
    lat: float | None
    lon: float | None
    strength: Strength
    reasons: tuple[str, ...]
