"""The guided login: phone → code → 2FA password, or a QR code. It talks to a person through a `Dialogue`.

Nothing is kept on disk here: `log_in` hands back a `Key` that a second connection has already used, and the
caller saves it. Only a person at a terminal starts it; the daemon never asks anything.
"""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec
from telethon import TelegramClient, errors, events, utils
from telethon.password import compute_check
from telethon.tl import TLRequest, functions, types
from telethon.tl.types import auth

from channelwatch.clock import Clock, SystemClock
from channelwatch.config.model import Secrets, TelegramConfig
from channelwatch.errors import (
    ConfigError,
    LineDown,
    LoginNeeded,
    Problem,
    TelegramError,
    WatchError,
)
from channelwatch.telegram.failures import LOGIN_REMEDY, translate
from channelwatch.telegram.keyfile import Key
from channelwatch.telegram.server import api_pair, close_client, fresh_session, open_client

TRIES = 3
"""How often one thing (number, code, password) may be typed wrongly. Telegram itself locks a number out soon after."""

RESENDS = 2
"""How often one login may ask for the code again: more of it is what draws PHONE_NUMBER_FLOOD, a day long."""

QR_CODES = 10
"""How many QR codes are shown, one after another (Telegram lets each live about 30 s)."""

DEADLINE = 30.0
"""Seconds that connecting, or one call, may take: Telethon's own calls have no end."""


class Dialogue(Protocol):
    """The person at the other end."""

    async def ask(self, question: str, *, hidden: bool = False) -> str:
        """Return what they typed, without the newline; `hidden` is for passwords."""
        ...

    def tell(self, text: str) -> None:
        """Say something."""
        ...

    def show_qr(self, url: str) -> None:
        """Draw a QR code of `url`."""
        ...


class Account(msgspec.Struct, frozen=True):
    """Whose login it is."""

    user_id: int
    name: str


async def log_in(
    dialogue: Dialogue,
    config: TelegramConfig,
    secrets: Secrets,
    *,
    phone: str | None = None,
    qr: bool = False,
    clock: Clock | None = None,
) -> Key:
    """Lead a person through the login and return a key that works.

    Raises LoginNeeded when Telegram (or the person) says no for good, ConfigError for bad api credentials,
    Flooded with the wait, LineDown when the server can't be reached, and TelegramError for the rest.
    """
    api_id, api_hash = api_pair(secrets)
    # Telegram sends a login to the account's own data centre (PHONE_MIGRATE): Telethon needs a second try for that.
    settings = {"request_retries": 3, "connection_retries": 1}
    async with _connected(open_client(fresh_session(config), config, secrets, **settings)) as client:
        steps = _Steps(client, dialogue, api_id, api_hash, clock or SystemClock())
        await (steps.by_qr() if qr else steps.by_phone(phone))
        session = client.session
        key = Key(
            dc_id=session.dc_id,
            host=session.server_address,
            port=session.port,
            auth_key=session.auth_key.key,
        )
    account = await check(key, config, secrets)
    dialogue.tell(f"Logged in as {account.name} (user id {account.user_id}).")
    return msgspec.structs.replace(key, user_id=account.user_id)


async def check(key: Key, config: TelegramConfig, secrets: Secrets) -> Account:
    """Use a key once, on a connection of its own, and return whose it is.

    Raises LoginNeeded when Telegram no longer takes it or it is a bot's (bots can't read channels),
    LineDown when the server can't be reached.
    """
    async with _connected(open_client(key.session(config), config, secrets, receive_updates=False)) as client:
        users = await _call(client, functions.users.GetUsersRequest([types.InputUserSelf()]))
    if not users or not isinstance(users[0], types.User):
        raise LoginNeeded("Telegram does not say whose login this is", remedy=LOGIN_REMEDY)
    if users[0].bot:
        raise LoginNeeded("this is a bot's login, and bots can't read channels", remedy="log in as a user account")
    return Account(users[0].id, utils.get_display_name(users[0]) or "an account without a name")


class _Steps:
    """One attempt to sign a client in."""

    def __init__(self, client: TelegramClient, dialogue: Dialogue, api_id: int, api_hash: str, clock: Clock) -> None:
        self.client = client
        self.dialogue = dialogue
        self.api_id = api_id
        self.api_hash = api_hash
        self.clock = clock

    async def by_phone(self, phone: str | None) -> None:
        """Sign in with a number and the code that Telegram sends."""
        phone, sent = await self._send_code(phone)
        resends, wrong = 0, 0
        question = "Code"
        while True:
            code = "".join(letter for letter in await self.dialogue.ask(question) if letter.isalnum())
            try:
                if code:
                    request = functions.auth.SignInRequest(phone, sent.phone_code_hash, code)
                    self._refuse_unknown(await _call(self.client, request, raw=True))
                    return
            except errors.SessionPasswordNeededError:
                await self._give_password()
                return
            except (errors.PhoneCodeInvalidError, errors.PhoneCodeEmptyError) as error:
                wrong += 1
                if wrong == TRIES:
                    raise LoginNeeded(
                        f"{TRIES} wrong codes", remedy="wait a few minutes, then run: channelwatch login"
                    ) from error
                self.dialogue.tell("Telegram says the code is wrong. Take the newest message of the chat “Telegram”.")
                continue
            except errors.PhoneCodeExpiredError:
                self.dialogue.tell(
                    "The code has expired. (One that is sent on in a Telegram chat expires at once: type it here only.)"
                )
            except errors.RPCError as error:
                raise refusal(error) from error
            if resends == RESENDS:
                raise LoginNeeded(
                    f"asked for {RESENDS + 1} codes without using one",
                    remedy="wait an hour before the next try, or scan a QR code: channelwatch login --qr",
                )
            resends += 1
            sent = await self._resend_code(phone, sent)

    async def by_qr(self) -> None:
        """Sign in with a QR code that a logged-in Telegram app scans."""
        scanned = asyncio.Event()

        async def note(_update: Any) -> None:
            scanned.set()

        self.dialogue.tell(
            "Open Telegram on a phone where the account is logged in:\n"
            "Settings → Devices → Link Desktop Device, and point it at this code."
        )
        self.client.add_event_handler(note, events.Raw(types.UpdateLoginToken))
        for number in range(QR_CODES):
            try:
                token = await self._login_token()
            except errors.SessionPasswordNeededError:
                await self._give_password()
                return
            except errors.RPCError as error:
                raise refusal(error) from error
            if token is None:
                return
            if number:
                self.dialogue.tell("That code is too old now; here is a new one:")
            self.dialogue.show_qr(f"tg://login?token={base64.urlsafe_b64encode(token.token).decode().rstrip('=')}")
            # Clocks differ: never wait longer than a code can live, nor hammer when ours is ahead.
            left = min(max((token.expires - self.clock.now()).total_seconds(), 1.0), 60.0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await scanned.wait()
            scanned.clear()
        raise LoginNeeded("no QR code was scanned", remedy=LOGIN_REMEDY)

    async def _login_token(self) -> auth.LoginToken | None:
        """Return a token to show, or None once the account is in."""
        request: TLRequest = functions.auth.ExportLoginTokenRequest(self.api_id, self.api_hash, [])
        answer = await _call(self.client, request, raw=True)
        if isinstance(answer, auth.LoginTokenMigrateTo):
            async with asyncio.timeout(DEADLINE):
                await self.client._switch_dc(answer.dc_id)  # no public way exists
            answer = await _call(self.client, functions.auth.ImportLoginTokenRequest(answer.token), raw=True)
        if isinstance(answer, auth.LoginTokenSuccess):
            self._refuse_unknown(answer.authorization)
            return None
        return answer

    async def _send_code(self, phone: str | None) -> tuple[str, Any]:
        for _ in range(TRIES):
            typed = phone or await self.dialogue.ask("Phone number of the account, with + and country code")
            phone = utils.parse_phone(typed)
            if phone is None:
                self.dialogue.tell(f"“{typed}” is not a phone number. Write it like +380441234567.")
                continue
            settings = types.CodeSettings()
            request = functions.auth.SendCodeRequest(phone, self.api_id, self.api_hash, settings)
            try:
                sent = await self._restartable(request)
            except errors.PhoneNumberInvalidError:
                self.dialogue.tell(f"Telegram says that +{phone} is no phone number. Check the country code.")
                phone = None
                continue
            except errors.RPCError as error:
                raise refusal(error) from error
            self._say_where(sent)
            return phone, sent
        raise LoginNeeded(f"{TRIES} wrong phone numbers", remedy=LOGIN_REMEDY)

    async def _resend_code(self, phone: str, sent: Any) -> Any:
        request = functions.auth.ResendCodeRequest(phone, sent.phone_code_hash)
        settings = types.CodeSettings()
        afresh = functions.auth.SendCodeRequest(phone, self.api_id, self.api_hash, settings)
        try:
            try:
                sent = await _call(self.client, request, raw=True)
            except errors.PhoneCodeExpiredError:
                sent = await self._restartable(afresh)
        except errors.SendCodeUnavailableError:
            self.dialogue.tell("Telegram has no other way to send the code. The last one may still come; or use --qr.")
            return sent
        except errors.RPCError as error:
            raise refusal(error) from error
        self._say_where(sent)
        return sent

    async def _restartable(self, request: TLRequest) -> Any:
        """Call, and once more when Telegram asks to begin again (AUTH_RESTART)."""
        try:
            return await _call(self.client, request, raw=True)
        except errors.AuthRestartError:
            return await _call(self.client, request, raw=True)

    def _say_where(self, sent: Any) -> None:
        where = _PLACES.get(type(sent.type))
        if where is None:
            raise LoginNeeded(
                f"Telegram wants another step first ({type(sent.type).__name__})",
                remedy="log in once in an official Telegram app, then come back",
            )
        self.dialogue.tell(f"Telegram has sent a code {where}.\nPress Enter alone to have it sent another way.")

    async def _give_password(self) -> None:
        """Answer SESSION_PASSWORD_NEEDED."""
        hinted = False
        for left in range(TRIES - 1, -1, -1):
            try:
                kept = await _call(self.client, functions.account.GetPasswordRequest(), raw=True)
                if not hinted:
                    hint = f" (hint: {kept.hint})" if kept.hint else ""
                    self.dialogue.tell(f"The account has a 2FA password{hint}. It is not shown while you type.")
                    hinted = True
                password = await self.dialogue.ask("2FA password", hidden=True)
                await self._prove(password)
                return
            except errors.PasswordHashInvalidError as error:
                if not left:
                    raise LoginNeeded(
                        f"{TRIES} wrong passwords",
                        remedy="look it up, or reset it in a Telegram app: Settings → Privacy and Security",
                    ) from error
                self.dialogue.tell("Telegram says the password is wrong.")
            except errors.RPCError as error:
                raise refusal(error) from error

    async def _prove(self, password: str) -> None:
        """Prove a password on a fresh challenge; one that was used up or outrun by a change is asked anew, once."""
        for last in (False, True):
            kept = await _call(self.client, functions.account.GetPasswordRequest(), raw=True)
            try:
                proof = compute_check(kept, password)
            except ValueError as error:
                raise TelegramError(f"the server's password check is not usable: {error}") from error
            try:
                await _call(self.client, functions.auth.CheckPasswordRequest(proof), raw=True)
                return
            except (errors.SrpIdInvalidError, errors.SrpPasswordChangedError):
                if last:
                    raise

    @staticmethod
    def _refuse_unknown(answer: Any) -> None:
        if isinstance(answer, auth.AuthorizationSignUpRequired):
            raise LoginNeeded("no Telegram account has this number", remedy=_OFFICIAL)


_PLACES = {
    auth.SentCodeTypeApp: "into the Telegram app: open the chat “Telegram” on a device where the account is "
    "logged in. It does NOT come by SMS",
    auth.SentCodeTypeSms: "by SMS",
    auth.SentCodeTypeSmsWord: "by SMS, as one word",
    auth.SentCodeTypeSmsPhrase: "by SMS, as a phrase",
    auth.SentCodeTypeFirebaseSms: "by SMS",
    auth.SentCodeTypeFragmentSms: "to fragment.com, for numbers bought there",
    auth.SentCodeTypeCall: "by a phone call that reads it out",
    auth.SentCodeTypeFlashCall: "as the number of a short call",
    auth.SentCodeTypeMissedCall: "as the last digits of the number of a missed call",
    auth.SentCodeTypeEmailCode: "by e-mail, to the login address of the account",
}
"""Where the code goes. A type that is not here (set up an e-mail, pay for an SMS) needs an official app."""


_APPEAL = "ask https://telegram.org/support to lift it, or use another account"
_OWN_PAIR = "copy both from https://my.telegram.org → API development tools, of an app you made yourself"
_OFFICIAL = "make the account in an official Telegram app first"
_DAY = 86400.0


def refusal(error: errors.RPCError) -> WatchError:
    """Translate what Telegram answers to a login into our error with its remedy; the rest is `failures`' to say."""
    match error:
        case errors.ApiIdInvalidError():
            return ConfigError([Problem(".env", "API_ID, API_HASH", "Telegram does not know this pair", _OWN_PAIR)])
        case errors.ApiIdPublishedFloodError():
            message = "this pair was published somewhere, and Telegram has throttled it"
            return ConfigError([Problem(".env", "API_ID, API_HASH", message, _OWN_PAIR)])
        case errors.PhoneNumberBannedError():
            return LoginNeeded("Telegram has banned this number", remedy=_APPEAL)
        case errors.PhoneNumberFloodError() | errors.PhonePasswordFloodError():
            return TelegramError(
                "too many logins were tried with this number",
                remedy="wait a day; scanning a QR code may still work: channelwatch login --qr",
                retry_after=_DAY,
            )
        case errors.PhoneNumberUnoccupiedError() | errors.PhoneNumberAppSignupForbiddenError():
            return LoginNeeded("no Telegram account has this number", remedy=_OFFICIAL)
        case errors.PhoneNumberInvalidError():
            return LoginNeeded("that is no phone number", remedy="write it with + and country code")
    return translate(error, _method(error.request))


def _method(request: Any) -> str:
    return "login" if request is None else type(request).__name__.removesuffix("Request")


async def _call(client: TelegramClient, request: TLRequest, *, raw: bool = False) -> Any:
    """Ask with a deadline; `raw` lets Telegram's refusals through as Telethon's, for the flow to look at."""
    try:
        async with asyncio.timeout(DEADLINE):
            return await client(request)
    except errors.RPCError as error:
        if raw:
            raise
        raise refusal(error) from error
    except (OSError, TimeoutError) as error:
        raise LineDown("Telegram does not answer", remedy="check the network, then try again") from error


@contextlib.asynccontextmanager
async def _connected(client: TelegramClient) -> AsyncIterator[TelegramClient]:
    """Connect with a deadline, and disconnect whatever happens."""
    try:
        try:
            # The deadline also ends Telethon's endless reconnecting to a server that hangs up at once.
            async with asyncio.timeout(DEADLINE):
                await client.connect()
        except errors.RPCError as error:
            raise refusal(error) from error
        except errors.AuthKeyNotFound as error:
            raise translate(error, "connect") from error
        except (OSError, TimeoutError) as error:
            if "auth_key generation" in str(error):  # all that Telethon lets out of a failed key exchange
                raise LineDown(
                    "the server's handshake can't be trusted",
                    remedy="check [telegram] dc_host and rsa_key_file, or remove them to use Telegram itself",
                ) from error
            raise LineDown("Telegram can't be reached", remedy="check the network, then try again") from error
        yield client
    finally:
        await close_client(client)
