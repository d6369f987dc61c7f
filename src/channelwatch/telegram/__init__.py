"""The one door to Telegram: login, feed, history pages, conversion. Only it and the simulator know Telethon."""
