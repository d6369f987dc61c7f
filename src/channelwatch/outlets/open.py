"""From a configured outlet to one that can send."""

from channelwatch.config.model import OutletConfig, Secrets
from channelwatch.errors import OutletError
from channelwatch.outlets.outlet import Outlet


def open_outlet(config: OutletConfig, secrets: Secrets) -> Outlet:
    """Return the outlet; nothing is sent or connected yet. Raises OutletError when its token or chat is missing."""
    if config.kind == "console":
        from channelwatch.outlets.console import Console

        return Console(config.name)
    from channelwatch.outlets.telegram_bot import TelegramBot

    entry = config.token or "BOT_TOKEN"
    token = secrets.bot_token if entry == "BOT_TOKEN" else secrets.other.get(entry)
    if token is None:
        raise OutletError(
            f"outlets.{config.name}: {entry} is not set", permanent=True, remedy=f"put {entry}=… into .env"
        )
    if config.chat is None:
        raise OutletError(
            f"outlets.{config.name}: no chat is named", permanent=True, remedy="set `chat` to a chat id or @channel"
        )
    return TelegramBot(config.name, token, config.chat, api=config.api)
