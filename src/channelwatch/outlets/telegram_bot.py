"""The Telegram bot: our own small sender on the Bot API.

The token is part of every address, so no address, and no exception of the HTTP library (which holds one), ever leaves
this module; the library's own loggers are kept at WARNING.
"""

import hashlib
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from channelwatch.config.model import Secret
from channelwatch.errors import OutletError
from channelwatch.outlets.outlet import REPEAT_MARK, Message, Rate

if TYPE_CHECKING:
    import httpx2

_log = logging.getLogger(__name__)
_DEADLINE = 15.0
"""Seconds for one call; the Bot API answers within one or two."""
_LONGEST_REST = 86_400.0
"""Seconds; no server is believed that asks for a longer pause."""
_CHAT_FAULTS = (
    "chat not found",
    "chat_id",
    "peer_id_invalid",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_admin_required",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "not a member",
    "was deactivated",
    "topic_closed",
    "group chat was upgraded",
)
"""What a 400 says that concerns the chat and not the message, in lower case (tdlib/telegram-bot-api, Client.cpp)."""


class TelegramBot:
    """Sends alerts to one chat through one bot."""

    def __init__(
        self,
        name: str,
        token: Secret,
        chat: int | str,
        *,
        api: str = "https://api.telegram.org",
        deadline: float = _DEADLINE,
    ) -> None:
        """`chat` is a chat id or ``@channelname`` that the bot may write to; no connection is made yet."""
        self.name = name
        self.chat = chat
        self._token = token
        self._api = api.rstrip("/")
        self._deadline = deadline
        self._client: httpx2.AsyncClient | None = None
        self.account = "telegram:" + hashlib.sha256(token.reveal().encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        """Name the outlet and nothing secret."""
        return f"TelegramBot({self.name!r}, chat={self.chat!r})"

    @property
    def rates(self) -> tuple[Rate, ...]:
        """Stay a tenth below what Telegram asks for: 1/s a chat, 20/min a group, 30/s a bot.

        Groups and channels have negative ids; behind an ``@name`` we can't tell, so it counts as a group.
        """
        chat = f"{self.account}:{self.chat}"
        rates = (Rate(self.account, 25, 1.0), Rate(chat, 1, 1 / 0.9))
        alone = isinstance(self.chat, int) and self.chat > 0
        return rates if alone else (*rates, Rate(f"{chat}:minute", 18, 60.0))

    async def send(self, message: Message) -> str:
        """Send one part and return its message id; follow a group that became a supergroup."""
        mark = REPEAT_MARK if message.repeat else ""
        fields: dict[str, Any] = {"text": mark + message.body, "link_preview_options": {"is_disabled": True}}
        if not message.plain:
            fields["parse_mode"] = "HTML"
        if message.severity == "info":
            fields["disable_notification"] = True
        for _ in range(2):
            result = await self._call("sendMessage", {"chat_id": self.chat, **fields})
            if not isinstance(result, _Moved):
                return _message_id(result)
            self.chat = result.to
            _log.warning("outlet %s: the chat moved; set outlets.%s.chat to %s", self.name, self.name, self.chat)
        raise OutletError("the chat moved twice", remedy=f"set outlets.{self.name}.chat to {self.chat}")

    async def check(self) -> None:
        """Ask the server who the bot is."""
        await self._call("getMe", {})

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _call(self, method: str, fields: dict[str, Any]) -> Any:
        """Call one method and return its result; raise OutletError as Telegram's answer, or its absence, demands."""
        import httpx2

        if self._client is None:
            for logger in ("httpx2", "httpcore2"):
                logging.getLogger(logger).setLevel(logging.WARNING)
            here = self._api.startswith(("http://127.0.0.1", "http://localhost"))  # never through a proxy
            self._client = httpx2.AsyncClient(timeout=self._deadline, trust_env=not here, follow_redirects=False)
        problem: OutletError | None = None
        try:
            address = f"{self._api}/bot{self._token.reveal()}/{method}"
            response = await self._client.post(address, json=fields)
            status, answer = response.status_code, _decoded(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            problem = OutletError(f"Bot API not reached: {type(error).__name__}")
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, UnicodeError):
            problem = OutletError(
                "the Bot API's address can't be used",
                outlet_fault=True,
                remedy=f"correct outlets.{self.name}.api or its token",
            )
        except httpx2.RequestError as error:
            problem = OutletError(f"{method}: the answer was lost: {type(error).__name__}", ambiguous=True)
        if problem is not None:  # raised out here, so that no HTTP exception rides along as its context
            raise problem
        if status == 200 and isinstance(answer, dict) and answer.get("ok") is True and "result" in answer:
            return answer["result"]
        if status < 500 and status != 429 and not (isinstance(answer, dict) and "ok" in answer):
            raise OutletError(
                f"{method}: HTTP {status} by something that is no Bot API",
                outlet_fault=True,
                ambiguous=status == 200,
                remedy=f"correct outlets.{self.name}.api and reload",
            )
        answer = answer if isinstance(answer, dict) else {}
        parameters = answer.get("parameters")
        parameters = parameters if isinstance(parameters, dict) else {}
        if isinstance(to := parameters.get("migrate_to_chat_id"), int):
            return _Moved(to)
        wait = parameters.get("retry_after")
        raise self._refusal(method, status, str(answer.get("description") or f"HTTP {status}"), wait)

    def _refusal(self, method: str, status: int, described: str, wait: Any) -> OutletError:
        """Return the error that a refusal means."""
        what = f"{method}: {described.replace(self._token.reveal(), '***')[:300]}"
        if status == 429:
            seconds = float(wait) if isinstance(wait, int | float) else 5.0
            return OutletError(what, retry_after=min(max(seconds, 1.0), _LONGEST_REST))
        if status in (401, 404):  # no fault of the message: it waits until the token is put right
            remedy = f"the token of outlets.{self.name} is wrong or revoked: correct it and reload"
            return OutletError(what, outlet_fault=True, remedy=remedy)
        if status == 403:
            return OutletError(what, outlet_fault=True, remedy="add the bot to the chat, or unblock it")
        if status in (502, 504):
            return OutletError(what, ambiguous=True)
        if status >= 500 or status == 409:
            return OutletError(what)
        if status == 200:
            return OutletError(f"{method}: an answer that is none", ambiguous=True)
        if "can't parse entities" in described or "too long" in described:
            return OutletError(what, badly_formed=True)
        if any(fault in described.lower() for fault in _CHAT_FAULTS):
            return OutletError(what, outlet_fault=True, remedy=f"correct outlets.{self.name}.chat and reload")
        return OutletError(what, permanent=True)


class _Moved(NamedTuple):
    """The answer that a group became a supergroup with another id."""

    to: int


def _message_id(result: Any) -> str:
    if not isinstance(result, dict) or "message_id" not in result:
        raise OutletError("sendMessage: an answer that is none", ambiguous=True)
    return str(result["message_id"])


def _decoded(response: "httpx2.Response") -> Any:
    try:
        return response.json()
    except ValueError:
        return None
