"""Every error that channelwatch raises on purpose, drawn here once.

::

    WatchError                      permanent?  exit code
    ├── ConfigError                 yes         78   lists every problem at once
    │   └── QueryError              yes         78   a query that does not parse, with the spot
    ├── ArchiveError                yes         70   the file is not ours, too new, damaged
    │   ├── ArchiveMissing          yes         75   nothing was stored yet: run first
    │   └── ArchiveBusy             no          75   locked, disk full: try again
    ├── InstanceRunning             yes         75   another process holds the data folder
    ├── TelegramError               –
    │   ├── LoginNeeded             yes         77   no key, revoked, banned, duplicated
    │   ├── ChannelGone             yes         1    private, deleted, banned, name free
    │   ├── Flooded                 no          –    wait `retry_after` seconds, per method
    │   └── LineDown                no          –    no answer, cut, 5xx: reconnect and ask again
    └── OutletError                 by field    –    a delivery failed

Each answers three questions: is it permanent, when may we try again (`retry_after`, seconds, or None for
"your own back-off"), and what should the operator do (`remedy`, one sentence, may be empty). Foreign
exceptions (Telethon, sqlite3, HTTP) are translated once, at the adapter, and never travel inward.
"""


class WatchError(Exception):
    """The root: something we foresaw."""

    permanent = True
    exit_code = 70

    def __init__(self, message: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        """Keep the message, what to do about it, and when to try again (seconds)."""
        super().__init__(message)
        self.remedy = remedy
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Give the message and, behind a dash, the remedy."""
        message = super().__str__()
        return f"{message} — {self.remedy}" if self.remedy else message


class Problem:
    """One thing wrong in a config file: where, which rule or key, what, and the remedy."""

    __slots__ = ("detail", "file", "message", "path", "remedy")

    def __init__(self, file: str, path: str, message: str, remedy: str = "", detail: str = "") -> None:
        """`path` is dotted and names the rule where there is one: ``rules["border"].query``.

        `detail` is for whoever has room for more lines: the spot with carets under it.
        """
        self.file = file
        self.path = path
        self.message = message
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        """Give one line: ``rules.toml: rules["border"].query: message — remedy``."""
        line = ": ".join(part for part in (self.file, self.path, self.message) if part)
        return f"{line} — {self.remedy}" if self.remedy else line

    def __eq__(self, other: object) -> bool:
        """Compare by what they say."""
        return isinstance(other, Problem) and str(self) == str(other)

    def __hash__(self) -> int:
        """Hash by what they say."""
        return hash(str(self))


class ConfigError(WatchError):
    """The configuration can't be used; `problems` lists everything that is wrong with it."""

    exit_code = 78

    def __init__(self, problems: list[Problem]) -> None:
        """Keep all problems; the message is one line each."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class QueryError(WatchError):
    """A query does not parse; `start` and `end` are code-point offsets into it."""

    exit_code = 78

    def __init__(self, message: str, *, query: str, start: int, end: int, remedy: str = "") -> None:
        """Keep the query and the spot, so that whoever shows the error can draw a caret under it."""
        super().__init__(message, remedy=remedy)
        self.query = query
        self.start = start
        self.end = max(end, start + 1)

    def caret(self) -> str:
        """Return the query's line that holds the spot and, on the next line, carets under the spot."""
        first = self.query.rfind("\n", 0, self.start) + 1
        line = self.query[first:].split("\n", 1)[0].replace("\t", " ")
        begin = self.start - first
        width = max(1, min(self.end - self.start, len(line) - begin))
        return f"{line}\n{' ' * begin}{'^' * width}"


class ArchiveError(WatchError):
    """The archive file can't be used as it is."""


class ArchiveMissing(ArchiveError):
    """There is no archive yet."""

    exit_code = 75


class ArchiveBusy(ArchiveError):
    """The archive can't be written just now (locked, disk full); nothing was lost, try again."""

    permanent = False
    exit_code = 75


class InstanceRunning(WatchError):
    """Another channelwatch holds this data folder."""

    exit_code = 75


class TelegramError(WatchError):
    """Telegram refused, or could not be reached."""

    permanent = False
    exit_code = 75


class LoginNeeded(TelegramError):
    """There is no usable login: none was made, or it was revoked, banned, frozen or used twice."""

    permanent = True
    exit_code = 77


class ChannelGone(TelegramError):
    """A channel can't be read: private, deleted, banned, or the name belongs to nobody."""

    permanent = True
    exit_code = 1


class Flooded(TelegramError):
    """Telegram asks us to wait `retry_after` seconds before the next call of `method`."""

    def __init__(self, method: str, retry_after: float) -> None:
        """`method` is Telegram's own name, for example ``messages.getHistory``."""
        super().__init__(f"{method}: flood wait of {retry_after:.0f} s", retry_after=retry_after)
        self.method = method


class LineDown(TelegramError):
    """The line to Telegram is cut, silent, or answers with a server error."""


class OutletError(WatchError):
    """A delivery failed.

    `permanent`: this message can never be sent; the next one may.
    `outlet_fault`: no message can, until a person corrects a setting (bad token, chat not found, bot blocked): the
    outlet rests and what is due stays due.
    `ambiguous`: the message may have arrived all the same (the answer was lost).
    `badly_formed`: the outlet could not read our markup; send it as plain text.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        outlet_fault: bool = False,
        ambiguous: bool = False,
        badly_formed: bool = False,
        retry_after: float | None = None,
        remedy: str = "",
    ) -> None:
        """Keep what drives the next attempt; the message never holds a token or an address with one."""
        super().__init__(message, remedy=remedy, retry_after=retry_after)
        self.permanent = permanent
        self.outlet_fault = outlet_fault
        self.ambiguous = ambiguous
        self.badly_formed = badly_formed
