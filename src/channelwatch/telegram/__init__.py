"""The one door to Telegram: login, feed, history pages, conversion. Only here and in the simulator is Telethon known."""
