"""Word an alert: HTML for Telegram, one JSON line for the console; hostile text shows as text.

A message is a list of runs (a stretch of text, bold or not), put together before any markup exists. Every run is
cleaned (control and bidi characters go), measured in UTF-16 units as Telegram measures, split where it must be, and
escaped last, so no cut can fall inside a tag or an entity.
"""

import html as markup
import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import msgspec

from channelwatch.config.model import Severity

LIMIT = 4096 - 16
"""UTF-16 units of one part: a Telegram message holds 4096 once its entities are parsed; 16 are left for the outlet's
mark of a repeated message."""

MOST_TEXT = 4096
"""UTF-16 units of a post's text that are quoted; a longer text is cut around the matched words."""

_MOST_BOLD = 80
"""Telegram ignores entities beyond the 100th of a message."""
_MOST_FIELD = 300
_AROUND = 300
_CUT = "[…]"
_SIGNS: dict[Severity, str] = {"critical": "🔴", "warning": "🟠", "info": "🔵"}

# Control characters but \n and \t, lone surrogates, bidi marks, embeddings and isolates, invisible separators.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_BREAKS = re.compile("[\u2028\u2029]")


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an alert may tell about one post."""

    alert: int
    severity: Severity
    rules: tuple[str, ...]
    reason: str
    channel: str
    """Alias, name or title."""
    title: str
    message_id: int
    url: str
    date: datetime
    text: str
    edited: datetime | None = None
    spans: tuple[tuple[int, int], ...] = ()
    """Half-open code-point offsets into `text`; may overlap."""
    places: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    """Names, for people."""
    region_codes: tuple[str, ...] = ()
    """The same as ISO 3166-2 codes, for programs."""
    forward: str | None = None
    """Where it was forwarded from."""
    album: int = 1
    """Parts of the album it belongs to."""
    media: str | None = None


class Run(msgspec.Struct, frozen=True):
    """A stretch of a message in one style."""

    text: str
    bold: bool = False


def clean(text: str) -> str:
    """Return `text` without characters that could move the cursor, reorder a line or hide in it."""
    return _UNWANTED.sub("", _BREAKS.sub("\n", text))


def units(text: str) -> int:
    """Return the length as Telegram counts it: UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def html(notice: Notice, zone: tzinfo = UTC, *, limit: int = LIMIT) -> list[str]:
    """Return the alert as Telegram HTML, in parts of at most `limit` UTF-16 units once parsed.

    The first part names severity, places, rules, link, source and time; the quoted text follows and flows over into
    further parts, each of which names the alert and its link again.
    """
    again = [Run("… "), Run(f"alert {notice.alert}", bold=True), Run(f" · {_field(notice.url)}\n\n")]
    parts = _pack([*_head(notice, zone), *_quote(notice)], again, limit)
    return ["".join(map(_tag, part)) for part in parts]


def plain(notice: Notice, zone: tzinfo = UTC) -> str:
    """Return the alert as a readable block of lines, the whole quoted text included."""
    return _block(notice, zone)[0]


def line(notice: Notice, zone: tzinfo = UTC) -> str:
    """Return the alert as one JSON line: its fields for programs; `block` and `marks` for a person's terminal.

    ``marks`` are half-open code-point offsets into ``block`` that hold matched words.
    """
    block, marks = _block(notice, zone)
    rules = [clean(name) for name in notice.rules]
    fields = {
        "alert": notice.alert,
        "severity": notice.severity,
        "rule": ", ".join(rules),
        "rules": rules,
        "channel": clean(notice.channel),
        "message_id": notice.message_id,
        "url": clean(notice.url),
        "date": notice.date,
        "places": [clean(place) for place in notice.places],
        "regions": notice.region_codes,
        "words": matched_words(notice),
        "reason": clean(notice.reason),
        "text": clean(notice.text),
        "block": block,
        "marks": marks,
    }
    return msgspec.json.encode(fields).decode()


def without_markup(body: str) -> str:
    """Return what `html` made as plain text, for an outlet that could not read it."""
    return markup.unescape(body.replace("<b>", "").replace("</b>", ""))


def matched_words(notice: Notice) -> list[str]:
    """Return the matched words as the post spells them, each once, in order."""
    words = (clean(notice.text[start:end]).strip() for start, end in sorted(notice.spans))
    return list({word.casefold(): word for word in words if word}.values())


def times(moment: datetime, zone: tzinfo) -> str:
    """Return a time in `zone` and in UTC: ``22 May 2023 12:15 MSK (09:15 UTC)``."""
    utc, local = moment.astimezone(UTC), moment.astimezone(zone)
    if local.utcoffset() == utc.utcoffset():
        return f"{utc:%d %b %Y %H:%M} UTC"
    day = "%d %b " if local.date() != utc.date() else ""
    return f"{local:%d %b %Y %H:%M %Z} ({utc:{day}%H:%M} UTC)"


def _where(notice: Notice) -> str:
    """Return places and regions as one short field."""
    places = [place for place in notice.places if place not in notice.regions]
    regions = f"({', '.join(notice.regions)})" if places and notice.regions else ", ".join(notice.regions)
    return _field(" ".join(part for part in (", ".join(places), regions) if part))


def _source(notice: Notice) -> str:
    channel, title = _field(notice.channel), _field(notice.title)
    return channel if not title or title == channel else f"{title} ({channel})"


def _when(notice: Notice, zone: tzinfo) -> str:
    when = times(notice.date, zone)
    return f"{when}, edited {times(notice.edited, zone)}" if notice.edited else when


def _extras(notice: Notice) -> list[str]:
    extras = [f"forwarded from {_field(notice.forward)}"] if notice.forward else []
    if notice.album > 1:
        extras.append(f"album of {notice.album}")
    elif notice.media:
        extras.append(f"with {_field(notice.media)}")
    return extras


def _field(text: str, most: int = _MOST_FIELD) -> str:
    """Return `text` on one line, cleaned and not longer than `most` characters."""
    short = " ".join(clean(text).split())
    return short if len(short) <= most else short[: most - 1] + "…"


def _rules(notice: Notice) -> str:
    """Return every rule's name; long names are cut before any is left out."""
    room = max(12, 1500 // max(1, len(notice.rules)))
    return ", ".join(_field(name, min(_MOST_FIELD, room)) for name in notice.rules)


def _head(notice: Notice, zone: tzinfo) -> list[Run]:
    where = _where(notice)
    about = " · ".join([_source(notice), _when(notice, zone), *_extras(notice)])
    words = _field(", ".join(f"«{word}»" for word in matched_words(notice)))
    return [
        Run(f"{_SIGNS[notice.severity]} {notice.severity}" + (" · " if where else ""), bold=True),
        Run(where, bold=True),
        Run(f"\n{_field(notice.url)}\n{about}\nrules: {_rules(notice)}"),
        Run(f"\nwords: {words}" if words else ""),
        Run(f"\n{_field(notice.reason)} · alert {notice.alert}\n\n"),
    ]


def _quote(notice: Notice) -> list[Run]:
    return [Run(clean(text), bold=bold) for text, bold in _marked(notice)]


def _marked(notice: Notice) -> list[tuple[str, bool]]:
    """Return the quoted text as stretches, each with whether it was matched."""
    spans = _merged(notice.spans, len(notice.text))
    stretches: list[tuple[str, bool]] = []
    for start, end in _windows(notice.text, spans):
        if start > 0:
            stretches.append((f"{_CUT} ", False))
        at = start
        for from_, to in spans[:_MOST_BOLD]:
            if start <= from_ < end:
                stretches += [(notice.text[at:from_], False), (notice.text[from_ : min(to, end)], True)]
                at = min(to, end)
        stretches.append((notice.text[at:end], False))
        if end < len(notice.text):
            stretches.append((f" {_CUT}\n", False))
    return [(text, bold) for text, bold in stretches if text]


def _merged(spans: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start), min(end, length)) for start, end in spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _windows(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the stretches of `text` to quote: all of it, or its beginning and what lies around the first spans."""
    if len(text) <= MOST_TEXT and units(text) <= MOST_TEXT:
        return [(0, len(text))]
    wanted = [(0, _AROUND), *((start - _AROUND, min(end, start + _AROUND) + _AROUND) for start, end in spans)]
    most = MOST_TEXT // 2  # so many characters are at most MOST_TEXT units
    windows: list[tuple[int, int]] = []
    for start, end in _merged(wanted, len(text)):
        room = most - sum(to - from_ + 2 * len(_CUT) for from_, to in windows)
        if room < _AROUND:
            break
        windows.append((start, min(end, start + room)))
    return windows


def _pack(runs: Sequence[Run], again: Sequence[Run], limit: int) -> list[list[Run]]:
    """Fill parts of at most `limit` units in order; a run is cut at a line's or word's end where one is near."""
    parts: list[list[Run]] = [[]]
    room = limit
    for run in runs:
        text = run.text
        while text:
            size = units(text)
            if size <= room:
                parts[-1].append(msgspec.structs.replace(run, text=text))
                room -= size
                break
            cut = _cut(text, room)
            if cut:
                parts[-1].append(msgspec.structs.replace(run, text=text[:cut]))
                text = text[cut:]
            parts.append(list(again))
            room = limit - sum(units(each.text) for each in again)
    return [part for part in parts if any(run.text.strip() for run in part)]


def _cut(text: str, room: int) -> int:
    """Return how many characters of `text` to take for at most `room` units, ending at a border when one is near."""
    taken = used = 0
    for character in text:
        used += 2 if character > "\uffff" else 1
        if used > room:
            break
        taken += 1
    for border in ("\n", " "):
        if (at := text.rfind(border, taken - 200 if taken > 200 else 0, taken)) > 0:
            return at + 1
    return taken


def _tag(run: Run) -> str:
    text = markup.escape(run.text, quote=False)
    return f"<b>{text}</b>" if run.bold and run.text.strip() else text


def _block(notice: Notice, zone: tzinfo) -> tuple[str, list[tuple[int, int]]]:
    where = _where(notice)
    words = _field(", ".join(f"«{word}»" for word in matched_words(notice)))
    rows = [
        ("rule", _rules(notice)),
        ("source", " · ".join([_source(notice), *_extras(notice)])),
        ("time", _when(notice, zone)),
        ("words", words),
        ("link", _field(notice.url)),
        ("why", f"{_field(notice.reason)} · alert {notice.alert}"),
    ]
    block = f"{notice.severity.upper()}  {where}".rstrip() + "\n"
    block += "".join(f"  {name:<8}{value}\n" for name, value in rows if value)
    marks: list[tuple[int, int]] = []
    stretches = [(clean(text).replace("\n", "\n  │ "), bold) for text, bold in _marked(notice)]
    if any(text.strip() for text, _ in stretches):
        block += "  │ "
    for text, bold in stretches:
        if bold:
            marks.append((len(block), len(block) + len(text)))
        block += text
    return block.rstrip(" │\n") + "\n", marks
