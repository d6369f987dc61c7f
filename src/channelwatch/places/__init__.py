"""Places: the gazetteer, its regions, and the evidence for each mention."""

from channelwatch.places.gazetteer import Gazetteer
from channelwatch.places.mention import STRENGTHS, Mention, Strength
from channelwatch.places.region import Region, UnknownRegion

__all__ = ["STRENGTHS", "Gazetteer", "Mention", "Region", "Strength", "UnknownRegion"]
