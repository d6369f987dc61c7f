"""Where alerts are told: one module per outlet, behind one protocol."""

from channelwatch.outlets.open import open_outlet
from channelwatch.outlets.outlet import REPEAT_MARK, Message, Outlet, Rate

__all__ = ["REPEAT_MARK", "Message", "Outlet", "Rate", "open_outlet"]
