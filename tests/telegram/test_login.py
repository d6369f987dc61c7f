"""The guided login against the simulator, with a scripted person."""

import asyncio
import base64
import gc
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from telethon import TelegramClient, functions
from telethon.crypto import rsa as table

from channelwatch.config.model import Secret, Secrets, TelegramConfig
from channelwatch.errors import ConfigError, Flooded, LineDown, LoginNeeded, TelegramError
from channelwatch.simulator.handshake import fingerprint
from channelwatch.simulator.login import close_account, logins, move_home
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import User, World
from channelwatch.telegram.keyfile import Key
from channelwatch.telegram.login import check, log_in

PHONE = "+999 662 0022"
SECRETS = Secrets(api_id=12345, api_hash=Secret("c0ffee"))

Answer = str | Callable[[], str]


class Person:
    """Answers from a list; remembers what was asked and told."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = deque(answers)
        self.asked: list[tuple[str, bool]] = []
        self.told: list[str] = []
        self.qr: asyncio.Queue[str] = asyncio.Queue()

    async def ask(self, question: str, *, hidden: bool = False) -> str:
        self.asked.append((question, hidden))
        answer = self.answers.popleft()
        return answer if isinstance(answer, str) else answer()

    def tell(self, text: str) -> None:
        self.told.append(text)

    def show_qr(self, url: str) -> None:
        self.qr.put_nowait(url)

    def heard(self, part: str) -> bool:
        return any(part in text for text in self.told)


@pytest.fixture
async def dc() -> AsyncIterator[DataCentre]:
    async with DataCentre(World(seed=4)) as centre:
        yield centre
    assert centre.crashes == []
    assert not centre.unknown_calls


@pytest.fixture
def me(dc: DataCentre) -> User:
    return dc.world.add_user(phone=PHONE, name="Watcher")


@pytest.fixture
def config(dc: DataCentre) -> TelegramConfig:
    return TelegramConfig(dc_id=2, dc_host="127.0.0.1", dc_port=dc.port, rsa_key_file=dc.rsa_key_file)


@pytest.fixture
async def elsewhere(dc: DataCentre, me: User) -> AsyncIterator[DataCentre]:
    """Return another data centre of the same world; the account lives there."""
    async with DataCentre(dc.world, dc_id=4) as centre:
        move_home(me, 4)
        yield centre
    assert centre.crashes == []


@pytest.fixture
def code(dc: DataCentre) -> Callable[[], str]:
    return lambda: logins(dc.world).code(PHONE)


def logged_in(dc: DataCentre, key: Key) -> User | None:
    """Say who the data centre thinks the key belongs to."""
    return next(known.user for known in dc.world.keys.values() if known.data == key.auth_key)


# By phone


async def test_phone_and_code_give_a_key_that_works(
    dc: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    person = Person(PHONE, code)
    key = await log_in(person, config, SECRETS)
    assert key.user_id == me.id
    assert (key.dc_id, key.host, key.port) == (2, "127.0.0.1", dc.port)
    assert logged_in(dc, key) is me
    assert (await check(key, config, SECRETS)).name == "Watcher"
    assert person.heard("It does NOT come by SMS")
    assert person.heard(f"Logged in as Watcher (user id {me.id})")


async def test_the_2fa_password_is_asked_hidden_with_its_hint(
    dc: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    me.password, me.slots["hint"] = "Граница 23", "the usual"
    person = Person(code, "Граница 23")
    await log_in(person, config, SECRETS, phone=PHONE)
    assert person.asked == [("Code", False), ("2FA password", True)]
    assert person.heard("hint: the usual")


async def test_a_code_may_be_typed_with_blanks_and_dashes(
    me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    await log_in(Person(lambda: "-".join(code()) + " "), config, SECRETS, phone=PHONE)


async def test_a_wrong_code_may_be_mended(me: User, config: TelegramConfig, code: Callable[[], str]) -> None:
    person = Person("wrong", code)
    await log_in(person, config, SECRETS, phone=PHONE)
    assert person.heard("the code is wrong")


async def test_three_wrong_codes_end_it(me: User, config: TelegramConfig) -> None:
    with pytest.raises(LoginNeeded, match="3 wrong codes"):
        await log_in(Person("a", "b", "c"), config, SECRETS, phone=PHONE)


async def test_a_wrong_password_may_be_mended(me: User, config: TelegramConfig, code: Callable[[], str]) -> None:
    me.password = "right"
    person = Person(code, "wrong", "right")
    await log_in(person, config, SECRETS, phone=PHONE)
    assert person.heard("the password is wrong")


async def test_three_wrong_passwords_end_it(me: User, config: TelegramConfig, code: Callable[[], str]) -> None:
    me.password = "right"
    with pytest.raises(LoginNeeded, match="3 wrong passwords"):
        await log_in(Person(code, "a", "b", "c"), config, SECRETS, phone=PHONE)


@pytest.mark.parametrize("refusal", ["400 SRP_ID_INVALID", "400 SRP_PASSWORD_CHANGED"])
async def test_a_used_up_challenge_is_renewed_unseen(
    dc: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str], refusal: str
) -> None:
    me.password = "right"
    dc.fault("auth.checkPassword", refusal)
    await log_in(Person(code, "right"), config, SECRETS, phone=PHONE)


async def test_a_password_guessed_too_often_draws_a_flood_wait(
    me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    me.password, me.slots["wrong_passwords"] = "right", 5
    with pytest.raises(Flooded) as caught:
        await log_in(Person(code, "right"), config, SECRETS, phone=PHONE)
    assert caught.value.retry_after == 86400


async def test_enter_alone_has_the_code_sent_another_way(
    me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    person = Person("", code)
    await log_in(person, config, SECRETS, phone=PHONE)
    assert person.heard("a code by SMS")


async def test_resending_has_a_limit(me: User, config: TelegramConfig) -> None:
    person = Person("", "", "")
    with pytest.raises(LoginNeeded, match=r"3 codes without using one.*--qr"):
        await log_in(person, config, SECRETS, phone=PHONE)
    assert person.heard("by a phone call")


async def test_no_other_way_to_send_is_told_and_the_last_code_still_serves(
    dc: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    dc.fault("auth.resendCode", "406 SEND_CODE_UNAVAILABLE")
    person = Person("", code)
    await log_in(person, config, SECRETS, phone=PHONE)
    assert person.heard("no other way")


async def test_an_expired_code_is_replaced_by_a_new_one(
    dc: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    def too_late() -> str:
        for sent in logins(dc.world).by_hash.values():
            sent.expires = 0
        return code()

    person = Person(too_late, code)
    await log_in(person, config, SECRETS, phone=PHONE)
    assert person.heard("expired")
    assert dc.calls["auth.sendCode"] == 2


async def test_a_mistyped_number_is_asked_again(me: User, config: TelegramConfig, code: Callable[[], str]) -> None:
    person = Person("hello", "+0 12 34", PHONE, code)
    await log_in(person, config, SECRETS)
    assert person.heard("not a phone number")
    assert person.heard("Check the country code")


async def test_three_wrong_numbers_end_it(me: User, config: TelegramConfig) -> None:
    with pytest.raises(LoginNeeded, match="3 wrong phone numbers"):
        await log_in(Person("a", "b", "c"), config, SECRETS)


async def test_auth_restart_begins_again(
    dc: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    dc.fault("auth.sendCode", "500 AUTH_RESTART")
    await log_in(Person(code), config, SECRETS, phone=PHONE)


async def test_a_number_without_an_account_is_told_where_to_make_one(dc: DataCentre, config: TelegramConfig) -> None:
    with pytest.raises(LoginNeeded, match=r"no Telegram account has this number.*official"):
        await log_in(Person(lambda: logins(dc.world).code("9996620099")), config, SECRETS, phone="+9996620099")


async def test_the_login_follows_the_account_to_its_data_centre(
    dc: DataCentre, elsewhere: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    key = await log_in(Person(code), config, SECRETS, phone=PHONE)
    assert (key.dc_id, key.port) == (4, elsewhere.port)
    assert dc.calls["auth.sendCode"] == elsewhere.calls["auth.sendCode"] == 1
    assert elsewhere.calls["auth.signIn"] == 1
    assert logged_in(dc, key) is me


# What Telegram refuses


async def test_a_wrong_api_pair_names_the_entries_and_the_page(
    dc: DataCentre, me: User, config: TelegramConfig
) -> None:
    logins(dc.world).pairs = {1: "other"}
    with pytest.raises(ConfigError, match=r"\.env: API_ID, API_HASH: .*my\.telegram\.org") as caught:
        await log_in(Person(), config, SECRETS, phone=PHONE)
    assert "c0ffee" not in str(caught.value)


REFUSALS = [
    ("auth.sendCode", "400 API_ID_PUBLISHED_FLOOD", ConfigError, "published"),
    ("auth.sendCode", "400 PHONE_NUMBER_BANNED", LoginNeeded, "banned this number"),
    ("auth.sendCode", "400 PHONE_NUMBER_FLOOD", TelegramError, "wait a day"),
    ("auth.sendCode", "406 PHONE_PASSWORD_FLOOD", TelegramError, "wait a day"),
    ("auth.sendCode", "420 FLOOD_WAIT_3600", Flooded, "3600"),
    ("auth.sendCode", "406 UPDATE_APP_TO_LOGIN", TelegramError, "UPDATE_APP_TO_LOGIN"),
    ("auth.signIn", "401 USER_DEACTIVATED_BAN", LoginNeeded, "banned the account.*another account"),
    ("auth.signIn", "401 USER_DEACTIVATED", LoginNeeded, "account was deleted"),
    ("users.getUsers", "401 SESSION_REVOKED", LoginNeeded, "ended from another device"),
    ("users.getUsers", "406 AUTH_KEY_DUPLICATED", LoginNeeded, "two places.*two machines"),
    ("users.getUsers", "420 FROZEN_METHOD_INVALID", LoginNeeded, "frozen.*telegram.org/support"),
]


@pytest.mark.parametrize(("method", "fault", "kind", "words"), REFUSALS)
async def test_each_refusal_becomes_our_error_with_a_remedy(
    dc: DataCentre,
    me: User,
    config: TelegramConfig,
    code: Callable[[], str],
    method: str,
    fault: str,
    kind: type[Exception],
    words: str,
) -> None:
    dc.fault(method, fault, times=None)
    with pytest.raises(kind, match=words):
        await log_in(Person(code), config, SECRETS, phone=PHONE)


async def test_a_server_that_is_not_there_is_told_so(me: User, dc: DataCentre, config: TelegramConfig) -> None:
    await dc.stop()
    with pytest.raises(LineDown, match="can't be reached"):
        await log_in(Person(), config, SECRETS, phone=PHONE)


async def test_a_server_without_our_rsa_key_is_not_trusted(dc: DataCentre, me: User, config: TelegramConfig) -> None:
    kept = table._server_keys.pop(fingerprint(), None)
    try:
        plain = TelegramConfig(dc_id=2, dc_host=config.dc_host, dc_port=config.dc_port)
        with pytest.raises(LineDown, match=r"handshake can't be trusted.*rsa_key_file"):
            await log_in(Person(), plain, SECRETS, phone=PHONE)
    finally:
        if kept is not None:
            table._server_keys[fingerprint()] = kept


# The self-check


async def test_a_login_that_does_not_prove_itself_yields_no_key(
    dc: DataCentre, me: User, config: TelegramConfig, code: Callable[[], str]
) -> None:
    dc.fault("users.getUsers", "401 AUTH_KEY_UNREGISTERED", times=None)
    with pytest.raises(LoginNeeded, match="does not know this login"):
        await log_in(Person(code), config, SECRETS, phone=PHONE)


async def test_a_bots_key_is_refused(dc: DataCentre, config: TelegramConfig) -> None:
    bot = dc.world.add_bot("123456:ABC", "alert_bot")
    key = Key(dc_id=2, host="127.0.0.1", port=dc.port, auth_key=dc.world.preshared_key(bot.user))
    with pytest.raises(LoginNeeded, match="bots can't read channels"):
        await check(key, config, SECRETS)


async def test_a_closed_account_and_an_unknown_key_need_a_login(
    dc: DataCentre, me: User, config: TelegramConfig
) -> None:
    key = Key(dc_id=2, host="127.0.0.1", port=dc.port, auth_key=dc.world.preshared_key(me))
    close_account(me)
    with pytest.raises(LoginNeeded, match="banned the account"):
        await check(key, config, SECRETS)
    dc.forget_keys()
    with pytest.raises(LoginNeeded, match="does not know this login"):
        await check(key, config, SECRETS)


async def test_a_refused_key_leaves_nothing_for_asyncio_to_complain_of(
    dc: DataCentre, me: User, config: TelegramConfig
) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    with pytest.raises(LoginNeeded):
        await check(Key(dc_id=2, host="127.0.0.1", port=dc.port, auth_key=b"\x07" * 256), config, SECRETS)
    gc.collect()
    assert complaints == []


# By QR code


async def scan(dc: DataCentre, config: TelegramConfig, user: User, person: Person) -> None:
    """Do what a logged-in phone does with the next code that is shown."""
    url = await person.qr.get()
    assert url.startswith("tg://login?token=")
    token = base64.urlsafe_b64decode(url.partition("=")[2] + "==")
    key = Key(dc_id=2, host="127.0.0.1", port=dc.port, auth_key=dc.world.preshared_key(user))
    phone = TelegramClient(key.session(config), 1, "x")
    await phone.connect()
    try:
        await phone(functions.auth.AcceptLoginTokenRequest(token))
    finally:
        await phone.disconnect()


async def test_a_scanned_qr_code_logs_in(dc: DataCentre, me: User, config: TelegramConfig) -> None:
    person = Person()
    key, _ = await asyncio.gather(log_in(person, config, SECRETS, qr=True), scan(dc, config, me, person))
    assert key.user_id == me.id
    assert person.heard("Link Desktop Device")
    assert dc.calls["auth.exportLoginToken"] == 2


async def test_a_qr_login_asks_the_password_too(dc: DataCentre, me: User, config: TelegramConfig) -> None:
    me.password = "right"
    person = Person("right")
    key, _ = await asyncio.gather(log_in(person, config, SECRETS, qr=True), scan(dc, config, me, person))
    assert logged_in(dc, key) is me
    assert person.asked == [("2FA password", True)]


async def test_a_qr_login_follows_the_account_too(
    dc: DataCentre, elsewhere: DataCentre, me: User, config: TelegramConfig
) -> None:
    person = Person()
    key, _ = await asyncio.gather(log_in(person, config, SECRETS, qr=True), scan(dc, config, me, person))
    assert (key.dc_id, key.port) == (4, elsewhere.port)
    assert elsewhere.calls["auth.importLoginToken"] == 1


async def test_an_old_qr_code_is_replaced(dc: DataCentre, me: User, config: TelegramConfig) -> None:
    logins(dc.world).token_life = 0
    person = Person()

    async def scan_the_second() -> None:
        await person.qr.get()
        logins(dc.world).token_life = 30
        await scan(dc, config, me, person)

    await asyncio.gather(log_in(person, config, SECRETS, qr=True), scan_the_second())
    assert person.heard("here is a new one")


async def test_a_lost_push_only_delays_a_scan(dc: DataCentre, me: User, config: TelegramConfig) -> None:
    logins(dc.world).token_life = 1
    person = Person()

    async def scan_unheard() -> None:
        url = await person.qr.get()
        token = base64.urlsafe_b64decode(url.partition("=")[2] + "==")
        logins(dc.world).tokens[token].user = me

    key, _ = await asyncio.gather(log_in(person, config, SECRETS, qr=True), scan_unheard())
    assert key.user_id == me.id
