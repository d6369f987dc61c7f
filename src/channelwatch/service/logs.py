"""Logs: people on a terminal, one JSON object a line otherwise; ours, Telethon's and APScheduler's alike.

Secrets are struck out last, in whatever line they stand, by their loaded values and by the shape of a bot token.
"""

import io
import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import structlog

_TOKEN = re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}")
"""A Bot API token, as BotFather writes it."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class _Redact(logging.Formatter):
    """Wraps a formatter and strikes out secrets from what it made, tracebacks included."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        values = sorted({secret for secret in secrets if len(secret) >= 5}, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, values))) if values else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the line with every secret replaced by ``***``."""
        line = _TOKEN.sub("***", self._inner.format(record))
        return self._values.sub("***", line) if self._values else line


def _escape(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Write control characters out: a post's text must not drive the operator's terminal."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _harmless(value)
    return event


def _harmless(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _traceback(stream: TextIO, exc_info: Any) -> None:
    """Write a traceback for people; its message may quote a post too."""
    written = io.StringIO()
    structlog.dev.plain_traceback(written, exc_info)
    stream.write(_harmless(written.getvalue()))


def configure(secrets: Iterable[str] = (), *, json: bool | None = None, level: str = "INFO") -> None:
    """Set up logging to stderr once; `json` None means "unless stderr is a terminal"."""
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
    ]
    # Tracebacks are text without local variables: locals could hold a token.
    ending: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        ending += [structlog.processors.format_exc_info, _escape, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        ending += [
            _escape,
            structlog.dev.ConsoleRenderer(exception_formatter=_traceback, pad_event_to=0),
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Redact(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=ending), secrets)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("telethon", "apscheduler", "httpx", "httpcore", "httpx2", "httpcore2", "asyncio", "pymorphy3"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # Telethon says "Automatic reconnection failed 0 time(s)" at ERROR for each cut; our supervisor tells of those.
    logging.getLogger("telethon.network").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
