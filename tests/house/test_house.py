"""The rules of the house that no linter knows: layers, forbidden imports, sizes, words."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "channelwatch"
MODULES = sorted(SOURCE.rglob("*.py"))

LAYERS = (
    {"__main__"},
    {"cli"},
    {"service"},
    {"alerts", "outlets", "telegram", "archive", "simulator"},
    {"config"},
    {"query"},
    {"places", "intake"},
    {"text"},
    {"post", "errors", "clock"},
)
"""From the top down: a room imports from lower lines only, never from its neighbours."""
HEIGHT = {room: len(LAYERS) - at for at, rooms in enumerate(LAYERS) for room in rooms}

BROUGHT = {"rsa"}
"""Imported, and always there with Telethon, which speaks of keys in its types."""

LONGEST = 400
"""Lines of a module: beyond it, ask what second thing moved in."""


def name_of(module: Path) -> str:
    """Return a module's path for people."""
    return str(module.relative_to(SOURCE))


def room_of(module: Path) -> str:
    """Return the room a module belongs to; the package's own ``__init__`` is in none."""
    first = module.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imports(module: Path) -> Iterator[tuple[int, str]]:
    """Give line and dotted name of everything a module imports, wherever in it."""
    package = ["channelwatch", *module.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            if whole == "channelwatch":
                yield from ((node.lineno, f"channelwatch.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, whole


def offences(forbidden: re.Pattern[str], allowed: re.Pattern[str]) -> list[str]:
    """Return the imports that match `forbidden` in modules whose path does not match `allowed`."""
    return [
        f"{name_of(module)}:{line} imports {name}"
        for module in MODULES
        if not allowed.match(name_of(module))
        for line, name in imports(module)
        if forbidden.match(name)
    ]


def test_every_module_has_a_room() -> None:
    strangers = {room_of(module) for module in MODULES} - set(HEIGHT) - {"__init__"}
    assert not strangers


def test_imports_point_downwards_and_never_to_a_neighbour() -> None:
    wrong = []
    for module in MODULES:
        room = room_of(module)
        for line, name in imports(module):
            parts = name.split(".")
            if parts[0] != "channelwatch" or len(parts) < 2 or parts[1] not in HEIGHT or parts[1] == room:
                continue
            if room == "__init__" or HEIGHT[parts[1]] >= HEIGHT[room]:
                wrong.append(f"{name_of(module)}:{line} imports {name}")
    assert not wrong


def test_telethon_is_imported_in_its_rooms_alone() -> None:
    assert not offences(re.compile(r"telethon\b"), re.compile(r"(telegram|simulator)/"))


def test_sqlite_utils_is_imported_in_the_archive_alone() -> None:
    assert not offences(re.compile(r"sqlite_utils\b"), re.compile(r"archive/"))


def test_nothing_is_pickled() -> None:
    assert not offences(re.compile(r"(c?pickle|shelve|marshal|dill)\b", re.IGNORECASE), re.compile(r"$"))


def test_modules_stay_readable_at_one_sitting() -> None:
    long = {name_of(module): len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST}


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert not [name_of(module) for module in MODULES if module.stem in vague]


def public_without_words(node: ast.AST, path: str) -> Iterator[str]:
    """Give the public functions, classes and methods that have no docstring."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or child.name.startswith("_"):
            continue
        if ast.get_docstring(child) is None:
            yield f"{path}:{child.lineno} {child.name}"
        if isinstance(child, ast.ClassDef):
            yield from public_without_words(child, path)


def test_every_module_and_every_public_name_says_what_it_is_for() -> None:
    silent = []
    for module in MODULES:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        if ast.get_docstring(tree) is None:
            silent.append(name_of(module))
        silent += public_without_words(tree, name_of(module))
    assert not silent


def test_the_machines_time_is_asked_for_in_one_place() -> None:
    asking = []
    for module in MODULES:
        if name_of(module) == "clock.py":
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                aware_in_a_command = room_of(module) == "cli" and bool(node.args or node.keywords)
                if re.fullmatch(r"(datetime\.)?(datetime|date)\.(now|utcnow|today)", called) and not aware_in_a_command:
                    asking.append(f"{name_of(module)}:{node.lineno} {called}()")
    assert not asking


def stated_dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lists = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    return [re.split(r"[<>=!~;\[ ]", entry)[0] for one in lists for entry in one if isinstance(entry, str)]


def test_each_dependency_has_its_sentence_and_each_sentence_its_dependency() -> None:
    text = (ROOT / "DEPENDENCIES.md").read_text(encoding="utf-8")
    explained = re.findall(r"^- \*\*(\S+)\*\* — \S", text, re.MULTILINE)
    assert sorted(explained) == sorted(stated_dependencies())


def test_every_third_party_import_is_a_stated_dependency() -> None:
    import sys
    from importlib.metadata import packages_distributions

    providers = packages_distributions()
    stated = {re.sub(r"[-_.]+", "-", name).lower() for name in stated_dependencies()}
    missing = set()
    for module in MODULES:
        for _, name in imports(module):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top in {"channelwatch", *BROUGHT}:
                continue
            distributions = {re.sub(r"[-_.]+", "-", one).lower() for one in providers.get(top, [top])}
            if not distributions & stated:
                missing.add(f"{name_of(module)} imports {name}")
    assert not missing


@pytest.mark.parametrize(
    "name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", ".ci/run"]
)
def test_the_papers_of_the_house_are_there(name: str) -> None:
    assert (ROOT / name).is_file()
