"""Telegram's HTML as its server reads it: visible text and entities out, or the server's own complaint.

Follows the rules of the Bot API's documentation ("HTML style") and of the server's parser: only its tags, every tag
closed in order, only the four named character references and numeric ones; anything else is refused or literal.
Offsets and lengths are UTF-16 code units, as everywhere in the Bot API.
"""

import re
from typing import NamedTuple

import msgspec

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-zA-Z]+));?")
_ATTRIBUTE = re.compile(
    r"""\s*([^\s=>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9.\-]+)))?""",
)
_SPACES = " \t\n\r\x0b\x0c"
_REORDERING = re.compile("[\u2028-\u202e\r]")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
MOST_ENTITIES = 100


class MarkupError(ValueError):
    """What the server says behind ``Bad Request: can't parse entities:``."""


class MessageEntity(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entity in the Bot API's spelling."""

    type: str
    offset: int
    length: int
    url: str | None = None


class _Open(NamedTuple):
    tag: str
    kind: str
    url: str | None
    offset: int


class _Read(msgspec.Struct):
    """How far the reading is: what is open, what was found, how many units are visible."""

    stack: list[_Open]
    entities: list[MessageEntity]
    length: int = 0


def units(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_html(source: str) -> tuple[str, list[MessageEntity]]:
    """Return the visible text and its entities; raise MarkupError with the server's words."""
    visible: list[str] = []
    read = _Read([], [])
    at = 0
    while at < len(source):
        character = source[at]
        if character == "&" and (found := _reference(source, at)) is not None:
            character, at = found
        elif character == "<":
            at = _tag(source, at, read)
            continue
        else:
            at += 1
        visible.append(character)
        read.length += units(character)
    if read.stack:
        raise MarkupError(f'Can\'t find end tag corresponding to start tag "{read.stack[-1].tag}"')
    return tidy("".join(visible), sorted(read.entities, key=lambda entity: (entity.offset, -entity.length)))


def tidy(text: str, entities: list[MessageEntity]) -> tuple[str, list[MessageEntity]]:
    """Do what the server does to every text: blank control characters, trim the ends; the entities follow."""
    raw = text.encode("utf-16-le", "surrogatepass")
    kept: list[int] = [0]  # for every unit of the old text, how many units of the new one lie before it
    cleaned: list[str] = []
    for index in range(0, len(raw), 2):
        unit = raw[index : index + 2].decode("utf-16-le", "surrogatepass")
        new = "" if _REORDERING.match(unit) else " " if _CONTROL.match(unit) else unit
        cleaned.append(new)
        kept.append(kept[-1] + len(new))
    whole = "".join(cleaned).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    left = units(whole) - units(whole.lstrip())
    shown = whole.strip()
    end = units(shown)
    moved = []
    for entity in entities:
        start = max(0, kept[entity.offset] - left)
        stop = min(end, kept[entity.offset + entity.length] - left)
        if stop > start:
            moved.append(msgspec.structs.replace(entity, offset=start, length=stop - start))
    return shown, moved[:MOST_ENTITIES]


def _reference(source: str, at: int) -> tuple[str, int] | None:
    """Return the character that a reference at `at` stands for and where it ends, or None for a literal ``&``."""
    match = _REFERENCE.match(source, at)
    if match is None:
        return None
    hexadecimal, decimal, name = match.groups()
    if name is not None:
        return (_NAMED[name], match.end()) if name in _NAMED else None
    digits = hexadecimal or decimal
    code = int(digits, 16 if hexadecimal else 10) if len(digits) <= 9 else 0
    return (chr(code), match.end()) if 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else None


def _tag(source: str, at: int, read: _Read) -> int:
    """Read the tag at `at`, open or close it, and return where it ends."""
    start = len(source[:at].encode("utf-8", "surrogatepass"))  # the server counts bytes in its complaints
    if source.startswith("</", at):
        return _end_tag(source, at, start, read)
    end = at + 1
    while end < len(source) and source[end] not in _SPACES + ">":
        end += 1
    if end == len(source):
        raise MarkupError(f"Unclosed start tag at byte offset {start}")
    tag = source[at + 1 : end].lower()
    if tag not in _KINDS:
        raise MarkupError(f'Unsupported start tag "{tag}" at byte offset {start}')
    attributes: dict[str, str] = {}
    while True:
        while end < len(source) and source[end] in _SPACES:
            end += 1
        if end == len(source):
            raise MarkupError(f"Unclosed start tag at byte offset {start}")
        if source[end] == ">":
            break
        match = _ATTRIBUTE.match(source, end)
        if match is None:
            raise MarkupError(f'Empty attribute name in the tag "{tag}" at byte offset {start}')
        name, *values = match.groups()
        value = next((each for each in values if each is not None), "")
        attributes[name.lower()] = _REFERENCE.sub(lambda found: _decoded(found[0]), value)
        end = match.end()
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        raise MarkupError(f'Tag "span" must have class "tg-spoiler" at byte offset {start}')
    read.stack.append(_Open(tag, _KINDS[tag], attributes.get("href") if tag == "a" else None, read.length))
    return end + 1


def _end_tag(source: str, at: int, start: int, read: _Read) -> int:
    if not read.stack:
        raise MarkupError(f"Unexpected end tag at byte offset {start}")
    end = source.find(">", at)
    if end < 0:
        raise MarkupError(f"Unclosed end tag at byte offset {start}")
    tag = source[at + 2 : end].strip(_SPACES).lower()
    opened = read.stack.pop()
    if tag and tag != opened.tag:
        raise MarkupError(f'Unmatched end tag at byte offset {start}, expected "</{opened.tag}>", found "</{tag}>"')
    if read.length > opened.offset and (opened.kind != "text_link" or opened.url):
        read.entities.append(MessageEntity(opened.kind, opened.offset, read.length - opened.offset, opened.url))
    return end + 1


def _decoded(reference: str) -> str:
    found = _reference(reference, 0)
    return reference if found is None else found[0]
