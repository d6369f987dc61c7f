"""The Bot API over HTTP on loopback: the far side of the Telegram outlet, for tests, demo and rehearsals.

It knows its bots and chats, reads messages as Telegram does, keeps the documented limits (about 1 message a second a
chat, 30 a second a bot, 20 a minute a group; whoever exceeds them is refused for a stated time), and fails on request.
"""

import asyncio
import contextlib
import json
import math
import random
from collections import Counter, deque
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from channelwatch.clock import Clock, SystemClock
from channelwatch.simulator.markup import MarkupError, MessageEntity, parse_html, tidy, units

ChatKind = Literal["private", "group", "supergroup", "channel"]
Fault = Literal["flood", "server_error", "drop_answer", "hang", "cut"]
"""``flood``: 429. ``server_error``: 500, nothing done. ``drop_answer``: done, but no answer comes. ``hang``: nothing
done and no answer for ever. ``cut``: nothing done, the connection is cut."""

MOST_UNITS = 4096
_MOST_BODY = 2**20
_SENDING = ("sendMessage", "editMessageText")


class Limits(msgspec.Struct, frozen=True):
    """Telegram's documented limits; see https://core.telegram.org/bots/faq#my-bot-is-hitting-limits."""

    chat_per_second: float = 1.0
    chat_burst: int = 3
    bot_per_second: int = 30
    group_per_minute: int = 20


class Sent(msgspec.Struct):
    """One message as the people in a chat see it."""

    message_id: int
    chat: int
    bot: str
    text: str
    """What is visible once the markup was read."""
    entities: list[MessageEntity]
    source: str
    """What the bot sent."""
    at: float
    """The simulator's monotonic seconds."""
    silent: bool = False
    preview: bool = True
    edits: int = 0


class Chat(msgspec.Struct):
    """One chat that bots may know."""

    id: int
    kind: ChatKind = "private"
    username: str | None = None
    blocked: bool = False
    moved_to: int | None = None
    messages: list[Sent] = []


class _Refused(Exception):
    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.answer = {"ok": False, "error_code": code, "description": description}
        self.code = code
        if parameters:
            self.answer["parameters"] = parameters


class BotApi:
    """A Bot API server; use it with ``async with`` and point an outlet's ``api`` at ``url``.

    Chats exist once `add_chat` made them; the limits are on unless `limits` is None.
    """

    def __init__(
        self,
        bots: dict[str, str],
        *,
        port: int = 0,
        limits: Limits | None = Limits(),  # noqa: B008 - frozen
        clock: Clock | None = None,
        seed: int = 1,
    ) -> None:
        """`bots` maps tokens to user names; port 0 takes any free one."""
        self.limits = limits
        self.answers: Counter[int] = Counter()
        """HTTP status → how often it was given to a sending call."""
        self.dropped = 0
        """Messages that were accepted and never answered."""
        self.calls: Counter[str] = Counter()
        """Method → how often it was called."""
        self.chances: dict[Fault, float] = {}
        """Fault → share of sending calls that it strikes."""
        self._bots = dict(bots)
        self._chats: dict[int, Chat] = {}
        self._clock = clock or SystemClock()
        self._random = random.Random(seed)
        self._faults: deque[tuple[Fault, float, int | None]] = deque()
        self._times: dict[tuple[str, int], deque[float]] = {}
        self._blocked_until: dict[str, float] = {}
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_id = 0

    @property
    def url(self) -> str:
        """The address that an outlet's ``api`` takes."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen on 127.0.0.1."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut every connection and stop listening; it can be started again on the same port."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> "BotApi":
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def add_chat(self, chat: int, *, kind: ChatKind | None = None, username: str | None = None) -> Chat:
        """Let bots write to `chat`; without a kind, a positive id is a person and a negative one a supergroup."""
        made = Chat(chat, kind or ("private" if chat > 0 else "supergroup"), username)
        self._chats[chat] = made
        return made

    def messages(self, chat: int) -> list[Sent]:
        """Return what the people in `chat` see, in order."""
        return list(self._chats[chat].messages)

    def migrate(self, chat: int, to: int) -> Chat:
        """Turn a group into the supergroup `to`, as Telegram does when a group grows."""
        moved = self.add_chat(to, kind="supergroup")
        self._chats[chat].moved_to = to
        return moved

    def fault(self, kind: Fault, times: int = 1, *, retry_after: float = 1.0, chat: int | None = None) -> None:
        """Strike the next `times` sending calls (to `chat`, when one is named)."""
        self._faults.extend([(kind, retry_after, chat)] * times)

    # -- HTTP

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the other side left, or we stop
        finally:
            if task is not None:
                self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request and answer it; return whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.split("\r\n")
        _, target, _ = request.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length") or 0)
        if size > _MOST_BODY or "transfer-encoding" in headers:
            await _write(writer, 413, {"ok": False, "error_code": 413, "description": "Request Entity Too Large"})
            return False
        body = await reader.readexactly(size)
        token, method = _route(target)
        fields = _fields(target, headers.get("content-type", ""), body)
        self.calls[method] += 1
        if method not in _SENDING:
            return await self._answer(writer, token, method, fields)
        fault, retry_after = self._next_fault(fields)
        if fault == "cut":
            return False
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "flood":
            self._blocked_until[token] = self._clock.monotonic() + retry_after
        if fault == "server_error":
            self.answers[500] += 1
            await _write(writer, 500, {"ok": False, "error_code": 500, "description": "Internal Server Error"})
            return True
        return await self._answer(writer, token, method, fields, silent=fault == "drop_answer")

    async def _answer(
        self, writer: asyncio.StreamWriter, token: str, method: str, fields: dict[str, Any], *, silent: bool = False
    ) -> bool:
        try:
            code, answer = 200, {"ok": True, "result": self._call(token, method, fields)}
        except _Refused as refused:
            code, answer = refused.code, refused.answer
        if silent and code == 200:
            self.dropped += 1
            return False
        if method in _SENDING:
            self.answers[code] += 1
        await _write(writer, code, answer)
        return True

    def _next_fault(self, fields: dict[str, Any]) -> tuple[Fault | None, float]:
        for index, (kind, retry_after, chat) in enumerate(self._faults):
            if chat is None or str(chat) == str(fields.get("chat_id")):
                del self._faults[index]
                return kind, retry_after
        draw = self._random.random()
        for kind, chance in self.chances.items():
            if draw < chance:
                return kind, 1.0
            draw -= chance
        return None, 0.0

    # -- methods

    def _call(self, token: str, method: str, fields: dict[str, Any]) -> Any:
        if token not in self._bots:
            raise _Refused(401, "Unauthorized")
        bot = self._bots[token]
        if method == "getMe":
            return {"id": int(token.partition(":")[0] or 0), "is_bot": True, "first_name": bot, "username": bot}
        if method == "getUpdates":
            return []
        if method == "sendMessage":
            return self._send(token, bot, fields)
        if method == "editMessageText":
            return self._edit(token, bot, fields)
        raise _Refused(404, "Not Found")

    def _send(self, token: str, bot: str, fields: dict[str, Any]) -> dict[str, Any]:
        chat = self._chat(fields.get("chat_id"))
        text, entities = _read(fields)
        self._spend(token, chat)
        self._last_id += 1
        preview = fields.get("link_preview_options") or {}
        message = Sent(
            self._last_id,
            chat.id,
            bot,
            text,
            entities,
            str(fields["text"]),
            self._clock.monotonic(),
            silent=bool(fields.get("disable_notification")),
            preview=not (preview.get("is_disabled") or fields.get("disable_web_page_preview")),
        )
        chat.messages.append(message)
        return self._shown(chat, message)

    def _edit(self, token: str, bot: str, fields: dict[str, Any]) -> dict[str, Any]:
        chat = self._chat(fields.get("chat_id"))
        wanted = str(fields.get("message_id"))
        message = next((m for m in chat.messages if str(m.message_id) == wanted and m.bot == bot), None)
        if message is None:
            raise _Refused(400, "Bad Request: message to edit not found")
        text, entities = _read(fields)
        if (text, entities) == (message.text, message.entities):
            raise _Refused(400, "Bad Request: message is not modified")
        self._spend(token, chat)
        message.text, message.entities, message.source = text, entities, str(fields["text"])
        message.edits += 1
        return self._shown(chat, message)

    def _chat(self, name: Any) -> Chat:
        chat = None
        if isinstance(name, str) and name.startswith("@"):
            chat = next((c for c in self._chats.values() if (c.username or "").lower() == name[1:].lower()), None)
        else:
            with contextlib.suppress(TypeError, ValueError):
                chat = self._chats.get(int(name))
        if chat is None:
            raise _Refused(400, "Bad Request: chat not found")
        if chat.moved_to is not None:
            described = "Bad Request: group chat was upgraded to a supergroup chat"
            raise _Refused(400, described, migrate_to_chat_id=chat.moved_to)
        if chat.blocked:
            who = (
                "bot was blocked by the user" if chat.kind == "private" else f"bot was kicked from the {chat.kind} chat"
            )
            raise _Refused(403, f"Forbidden: {who}")
        return chat

    def _spend(self, token: str, chat: Chat) -> None:
        """Count one message against the limits; refuse it, and the whole bot for a while, when it is too many."""
        now = self._clock.monotonic()
        wait = self._blocked_until.get(token, 0.0) - now
        if wait <= 0 and self.limits is not None:
            limits = self.limits
            burst_seconds = limits.chat_burst / limits.chat_per_second
            windows = [(chat.id, limits.chat_burst, burst_seconds), (0, limits.bot_per_second, 1.0)]
            if chat.kind != "private":
                windows.append((-chat.id, limits.group_per_minute, 60.0))
            seen = [(self._times.setdefault((token, key), deque()), most, long) for key, most, long in windows]
            for times, most, long in seen:
                while times and times[0] <= now - long:
                    times.popleft()
                if len(times) >= most:
                    wait = max(wait, times[0] + long - now)
            if wait <= 0:
                for times, _, _ in seen:
                    times.append(now)
        if wait > 0:
            seconds = max(1, math.ceil(wait))
            self._blocked_until[token] = now + seconds
            raise _Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)

    def _shown(self, chat: Chat, message: Sent) -> dict[str, Any]:
        return {
            "message_id": message.message_id,
            "date": int(self._clock.now().timestamp()),
            "chat": {"id": chat.id, "type": chat.kind},
            "text": message.text,
            "entities": msgspec.to_builtins(message.entities),
        }


def _read(fields: dict[str, Any]) -> tuple[str, list[MessageEntity]]:
    source = fields.get("text")
    if not isinstance(source, str):
        raise _Refused(400, "Bad Request: message text is empty")
    mode = str(fields.get("parse_mode") or "")
    if mode.lower() not in ("", "html"):
        raise _Refused(400, "Bad Request: unsupported parse_mode")  # the simulator reads HTML only
    try:
        text, entities = parse_html(source) if mode else tidy(source, [])
    except MarkupError as error:
        raise _Refused(400, f"Bad Request: can't parse entities: {error}") from None
    if not text:
        raise _Refused(400, "Bad Request: message text is empty")
    if units(text) > MOST_UNITS:
        raise _Refused(400, "Bad Request: message is too long")
    return text, entities


def _route(target: str) -> tuple[str, str]:
    parts = unquote(urlsplit(target).path).strip("/").split("/")
    if len(parts) == 2 and parts[0].startswith("bot"):
        return parts[0][3:], parts[1]
    return "", ""


def _fields(target: str, content_type: str, body: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    try:
        if content_type.startswith("application/json") and body:
            decoded = json.loads(body)
            fields.update(decoded if isinstance(decoded, dict) else {})
        elif body:
            fields.update(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        fields["text"] = None
    options = fields.get("link_preview_options")
    if isinstance(options, str):
        with contextlib.suppress(ValueError):
            fields["link_preview_options"] = json.loads(options)
    return fields


async def _write(writer: asyncio.StreamWriter, code: int, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 {code} {'OK' if code == 200 else 'No'}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
