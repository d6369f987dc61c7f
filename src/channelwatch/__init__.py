"""Watches public Telegram channels, keeps every post, and raises alerts that people can trust."""

__version__ = "0.1.0"
