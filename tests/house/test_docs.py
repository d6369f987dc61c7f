"""Every config key, command and option is documented, and what the docs say is so."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from channelwatch.config import read, secrets
from channelwatch.config.model import ChannelConfig, OutletConfig, RuleConfig
from channelwatch.config.times import seconds

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "[[channels]]": ChannelConfig,
    "[outlets.NAME]": OutletConfig,
    "[[rules]]": RuleConfig,
    **{f"[{name}]": kind for name, kind in read.SECTIONS.items()},
}
SET_BY_THE_READER = {(OutletConfig, "name"), (RuleConfig, "file")}


def rows(section: str) -> dict[str, str]:
    """Return the keys of a section of the page with the default each states."""
    text = re.split(r"^## ", DOCS.split(f"\n## `{section}`", 1)[1], flags=re.MULTILINE)[0]
    return {key: default.strip() for key, default in re.findall(r"^\| `(\w+)` \| ([^|]+) \| \S", text, re.MULTILINE)}


def shown(default: Any, stated: str) -> bool:
    """Tell whether the stated default is this one."""
    if default is msgspec.NODEFAULT:
        return stated == "–"
    if default is None:
        return stated == "none"
    if default == ():
        return stated == "`[]`"
    written = stated.strip("`")
    if isinstance(default, float) and written.startswith('"'):
        return seconds(written.strip('"')) == default
    return written == (f'"{default}"' if isinstance(default, str) else str(default).lower())


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_documented_with_its_default(section: str) -> None:
    documented = rows(section)
    fields = {
        field.name: field.default
        for field in msgspec.structs.fields(SECTIONS[section])
        if (SECTIONS[section], field.name) not in SET_BY_THE_READER
    }
    assert sorted(documented) == sorted(fields)
    assert not [key for key, default in fields.items() if not shown(default, documented[key])]


def test_every_secret_is_documented() -> None:
    table = DOCS.split("## Secrets")[1]
    assert re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE) == list(secrets.NAMES)
    example = (ROOT / "config" / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) < set(secrets.NAMES)


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_cli_docs", ROOT / "tools" / "write_cli_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_command_line_is_up_to_date(writer: ModuleType) -> None:
    # In a process of its own: click keeps the first help option that a command was asked for.
    tool = [sys.executable, str(ROOT / "tools" / "write_cli_docs.py"), "--print"]
    page = subprocess.run(tool, capture_output=True, check=True).stdout.decode("utf-8")
    assert writer.PAGE.read_text(encoding="utf-8") == page, "run: python tools/write_cli_docs.py"


def test_every_command_and_every_option_has_help(writer: ModuleType) -> None:
    import click

    silent = []
    for name, command in writer.commands(writer.cli, "channelwatch"):
        if not (command.help or "").strip():
            silent.append(name)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden and not (parameter.help or "").strip():
                silent.append(f"{name} {'/'.join(parameter.opts)}")
    assert not silent
