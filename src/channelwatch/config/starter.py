"""The first config folder of a person: the commented example, with their answers put in.

The templates are the files of the project's own ``config/`` folder (a test keeps them equal). Pure: texts out,
nothing is written here.
"""

import json
from collections.abc import Sequence
from importlib import resources

import msgspec

from channelwatch.config.paths import MAIN_FILE
from channelwatch.config.secrets import ENV_FILE

RULES = "rules.toml"
_CHANNELS = "# --- channels "
"""Begins the line in the template below which the example's channels stand."""


class FirstChannel(msgspec.Struct, frozen=True):
    """A channel that the person named."""

    name: str
    join: bool = False


class FirstRule(msgspec.Struct, frozen=True):
    """What the person wants to hear of."""

    name: str
    query: str


class FirstBot(msgspec.Struct, frozen=True):
    """A Telegram bot that brings alerts."""

    chat: int | str
    token: str


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What the person said; everything left out is as in the example."""

    api_id: str = ""
    api_hash: str = ""
    channels: Sequence[FirstChannel] = ()
    home: str | None = None
    """The region that the channels speak of."""
    zone: str | None = None
    rule: FirstRule | None = None
    bot: FirstBot | None = None


def files(answers: Answers) -> dict[str, str]:
    """Return file name → text: ``channelwatch.toml``, ``rules.toml``, ``.env``."""
    return {MAIN_FILE: _main(answers), RULES: _rules(answers), ENV_FILE: _env(answers)}


def template(name: str) -> str:
    """Return a file of the commented example."""
    return resources.files("channelwatch.config").joinpath("templates", name).read_text(encoding="utf-8")


def _main(answers: Answers) -> str:
    text = template(MAIN_FILE)
    if answers.zone is not None:
        lines = text.splitlines(keepends=True)
        text = "".join(f"zone = {_quoted(answers.zone)}\n" if line.startswith("zone = ") else line for line in lines)
    head, mark, channels = text.partition(_CHANNELS)
    if answers.bot is not None:
        chat = answers.bot.chat if isinstance(answers.bot.chat, int) else _quoted(answers.bot.chat)
        head += f'[outlets.bot]\nkind = "telegram"\nchat = {chat}\n\n'
    if answers.channels:
        rule, _, _ = channels.partition("\n")
        channels = (
            f"{rule}\n" + _CHANNELS_NOTE + "".join(_channel(channel, answers.home) for channel in answers.channels)
        )
    return head + mark + channels


_CHANNELS_NOTE = """\
# `channelwatch channels add @name` appends to this list.
# join = false reads a public channel without joining it, some minutes late; true joins it: posts come within seconds.
"""


def _channel(channel: FirstChannel, home: str | None) -> str:
    lines = ["", "[[channels]]", f"name = {_quoted(channel.name)}", f"join = {'true' if channel.join else 'false'}"]
    if home is not None:
        lines.append(f"home = [{_quoted(home)}]")
    return "\n".join([*lines, ""])


def _rules(answers: Answers) -> str:
    text = template(RULES)
    intro, mark, examples = text.partition("[[rules]]")
    if answers.rule is None:
        if not answers.channels:
            return text
        # The example's rules name the example's channels and regions: with other channels they would be wrong.
        return intro + _commented(mark + examples)
    outlets = 'outlets = ["console", "bot"]\n' if answers.bot is not None else ""
    rule = f"[[rules]]\nname = {_quoted(answers.rule.name)}\nquery = {_quoted(answers.rule.query)}\n{outlets}"
    return f"{intro}{rule}\n# More rules, from the example:\n#\n{_commented(mark + examples)}"


def _env(answers: Answers) -> str:
    given = {"API_ID": answers.api_id, "API_HASH": answers.api_hash}
    if answers.bot is not None:
        given["BOT_TOKEN"] = answers.bot.token
    lines = []
    for line in template("env.example").splitlines():
        name = line.partition("=")[0]
        if line.startswith("# Copy to .env"):
            continue
        lines.append(f"{name}={given[name]}" if given.get(name) else line)
    return "\n".join([*lines, ""])


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" if line else "#\n" for line in text.splitlines())


def _quoted(text: str) -> str:
    """Return a TOML basic string; JSON's are such strings, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
