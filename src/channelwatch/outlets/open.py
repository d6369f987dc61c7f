"""From a configured outlet to one that can send."""

from channelwatch.config.model import OutletConfig, Secrets
from channelwatch.errors import ConfigError, Problem
from channelwatch.outlets.outlet import Outlet


def open_outlet(config: OutletConfig, secrets: Secrets) -> Outlet:
    """Return the outlet; nothing is sent or connected yet. Raises ConfigError when its token or chat is missing."""
    if config.kind == "console":
        from channelwatch.outlets.console import Console

        return Console(config.name)
    from channelwatch.outlets.telegram_bot import TelegramBot

    entry = config.token or "BOT_TOKEN"
    token = secrets.bot_token if entry == "BOT_TOKEN" else secrets.other.get(entry)
    problems = []
    if token is None:
        remedy = f"ask @BotFather for a token and put {entry}=… into .env"
        problems.append(Problem(".env", entry, f"is not set: outlets.{config.name} needs it", remedy))
    if config.chat is None:
        path = f"outlets.{config.name}.chat"
        problems.append(Problem("channelwatch.toml", path, "is missing", "give a chat id or @channelname"))
    if token is None or config.chat is None:
        raise ConfigError(problems)
    return TelegramBot(config.name, token, config.chat, api=config.api)
