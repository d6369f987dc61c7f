"""Every test of this room may use a simulated data centre."""

from ..telegram_fixtures import dc, world

__all__ = ["dc", "world"]
