"""Logging in to the simulator with Telethon, and every refusal that Telegram has for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from telethon import TelegramClient, errors, events, functions, types
from telethon.crypto import AuthKey
from telethon.password import compute_check
from telethon.sessions import MemorySession

from channelwatch.clock import FakeClock
from channelwatch.simulator.login import SentCode, _send, close_account, logins
from channelwatch.simulator.server import DataCentre
from channelwatch.simulator.world import User, World

PHONE = "9996620022"
Open = Callable[..., Awaitable[TelegramClient]]


@pytest.fixture
async def dc() -> AsyncIterator[DataCentre]:
    async with DataCentre(World(seed=3)) as centre:
        yield centre
    assert centre.crashes == []
    assert not centre.unknown_calls


@pytest.fixture
async def connect(dc: DataCentre) -> AsyncIterator[Open]:
    """Open clients: with the key of a logged-in user, or with a key that nobody has logged in with."""
    clients: list[TelegramClient] = []

    async def open_client(
        user: User | None = None, key: bytes | None = None, local: str = "127.0.0.1"
    ) -> TelegramClient:
        if key is None:
            key = dc.world.preshared_key(user or next(iter(dc.world.users.values())))
            dc.world.keys[key_id(key)].user = user
        session = MemorySession()
        session.set_dc(2, "127.0.0.1", dc.port)
        session.auth_key = AuthKey(key)
        client = TelegramClient(
            session,
            12345,
            "hash",
            flood_sleep_threshold=0,
            request_retries=1,
            connection_retries=0,
            local_addr=(local, 0),
        )
        clients.append(client)
        await client.connect()
        return client

    yield open_client
    for client in clients:
        await client.disconnect()


def key_id(key: bytes) -> int:
    number: int = AuthKey(key).key_id
    return number - 2**64 if number >= 2**63 else number


def send_code(phone: str = PHONE, api_id: int = 12345, api_hash: str = "hash") -> functions.auth.SendCodeRequest:
    return functions.auth.SendCodeRequest(phone, api_id, api_hash, types.CodeSettings())


@pytest.fixture
def me(dc: DataCentre) -> User:
    return dc.world.add_user(phone=PHONE, name="Watcher")


# Codes


async def test_a_code_goes_into_the_app_and_lets_its_account_in(dc: DataCentre, me: User, connect: Open) -> None:
    client = await connect()
    sent = await client(send_code())
    assert isinstance(sent.type, types.auth.SentCodeTypeApp)
    assert isinstance(sent.next_type, types.auth.CodeTypeSms)
    answer = await client(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, logins(dc.world).code(PHONE)))
    assert (answer.user.id, answer.user.is_self) == (me.id, True)
    assert (await client.get_me()).id == me.id


async def test_a_whole_login_through_telethon_itself_with_handshake(dc: DataCentre, me: User) -> None:
    from channelwatch.telegram.server import trust

    trust(dc.rsa_key_file)
    session = MemorySession()
    session.set_dc(2, "127.0.0.1", dc.port)
    client = TelegramClient(session, 12345, "hash")
    me.password = "пароль"
    await client.start(PHONE, password="пароль", code_callback=lambda: logins(dc.world).code(PHONE))
    assert (await client.get_me()).id == me.id
    await client.disconnect()


async def test_a_wrong_code_is_refused_and_the_fifth_kills_it(dc: DataCentre, me: User, connect: Open) -> None:
    client = await connect()
    sent = await client(send_code())
    for _ in range(5):
        with pytest.raises(errors.PhoneCodeInvalidError):
            await client(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, "wrong"))
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, logins(dc.world).code(PHONE)))


async def test_codes_expire(connect: Open, dc: DataCentre, me: User) -> None:
    logins(dc.world).code_life = 0
    client = await connect()
    sent = await client(send_code())
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, logins(dc.world).code(PHONE)))


@pytest.mark.parametrize(
    ("code_hash", "code", "refusal"),
    [
        ("", "12345", errors.PhoneCodeHashEmptyError),
        ("made-up", "12345", errors.PhoneCodeExpiredError),
        (None, "", errors.PhoneCodeEmptyError),
    ],
)
async def test_half_a_code_is_refused(
    me: User, connect: Open, code_hash: str | None, code: str, refusal: type[Exception]
) -> None:
    client = await connect()
    sent = await client(send_code())
    with pytest.raises(refusal):
        await client(
            functions.auth.SignInRequest(PHONE, sent.phone_code_hash if code_hash is None else code_hash, code)
        )


async def test_a_code_serves_one_number_only_and_once(dc: DataCentre, me: User, connect: Open) -> None:
    client = await connect()
    sent = await client(send_code())
    request = functions.auth.SignInRequest("9996620099", sent.phone_code_hash, logins(dc.world).code(PHONE))
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client(request)
    request.phone_number = PHONE
    await client(request)
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client(request)


async def test_resending_changes_the_way_until_none_is_left(dc: DataCentre, me: User, connect: Open) -> None:
    client = await connect()
    first = await client(send_code())
    second = await client(functions.auth.ResendCodeRequest(PHONE, first.phone_code_hash))
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client(functions.auth.SignInRequest(PHONE, first.phone_code_hash, "12345"))
    third = await client(functions.auth.ResendCodeRequest(PHONE, second.phone_code_hash))
    ways = [type(sent.type).__name__ for sent in (first, second, third)]
    assert ways == ["SentCodeTypeApp", "SentCodeTypeSms", "SentCodeTypeCall"]
    with pytest.raises(errors.SendCodeUnavailableError):
        await client(functions.auth.ResendCodeRequest(PHONE, third.phone_code_hash))
    await client(functions.auth.SignInRequest(PHONE, third.phone_code_hash, logins(dc.world).code(PHONE)))


async def test_a_cancelled_code_is_void(me: User, connect: Open, dc: DataCentre) -> None:
    client = await connect()
    sent = await client(send_code())
    code = logins(dc.world).code(PHONE)
    assert await client(functions.auth.CancelCodeRequest(PHONE, sent.phone_code_hash)) is True
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, code))


async def test_too_many_codes_a_day_flood_the_number(me: User, connect: Open) -> None:
    client = await connect()
    for _ in range(6):
        await client(send_code())
    with pytest.raises(errors.PhoneNumberFloodError):
        await client(send_code())


async def test_the_number_is_free_again_a_day_later() -> None:
    clock = FakeClock(datetime(2023, 5, 22, tzinfo=UTC))
    world = World(clock=clock)
    logins(world).sends[PHONE] = [clock.now().timestamp()] * 6
    clock.advance(86401)

    assert _send(world, SentCode(PHONE, "12345", 0)).phone_code_hash


@pytest.mark.parametrize("phone", ["", "12", "0380441234567", "not a number", "1234567890123456"])
async def test_what_is_no_phone_number_is_refused(me: User, connect: Open, phone: str) -> None:
    with pytest.raises(errors.PhoneNumberInvalidError):
        await (await connect())(send_code(phone))


async def test_a_banned_number_gets_no_code(dc: DataCentre, me: User, connect: Open) -> None:
    logins(dc.world).banned.add(PHONE)
    with pytest.raises(errors.PhoneNumberBannedError):
        await (await connect())(send_code())


async def test_a_number_without_an_account_would_have_to_sign_up(dc: DataCentre, me: User, connect: Open) -> None:
    client = await connect()
    sent = await client(send_code("9996620099"))
    code = logins(dc.world).code("9996620099")
    answer = await client(functions.auth.SignInRequest("9996620099", sent.phone_code_hash, code))
    assert isinstance(answer, types.auth.AuthorizationSignUpRequired)
    assert await client.get_me() is None


async def test_the_api_pair_must_exist(dc: DataCentre, me: User, connect: Open) -> None:
    logins(dc.world).pairs = {12345: "hash"}
    logins(dc.world).published = {6}
    client = await connect()
    for api_id, api_hash in ((12345, "other"), (1, "hash"), (12345, "")):
        with pytest.raises(errors.ApiIdInvalidError):
            await client(send_code(api_id=api_id, api_hash=api_hash))
        with pytest.raises(errors.ApiIdInvalidError):
            await client(functions.auth.ExportLoginTokenRequest(api_id, api_hash, []))
    with pytest.raises(errors.ApiIdPublishedFloodError):
        await client(send_code(api_id=6))
    await client(send_code())


async def test_a_fixed_code_and_a_teller_serve_rehearsals(dc: DataCentre, me: User, connect: Open) -> None:
    told: list[tuple[str, str]] = []
    logins(dc.world).fixed_code = "22222"
    logins(dc.world).on_code = lambda phone, code: told.append((phone, code))
    await (await connect())(send_code("+999 66-200-22"))
    assert told == [(PHONE, "22222")]
    with pytest.raises(LookupError):
        logins(dc.world).code("1234567")


# 2FA


async def halfway(dc: DataCentre, client: TelegramClient) -> None:
    sent = await client(send_code())
    with pytest.raises(errors.SessionPasswordNeededError):
        await client(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, logins(dc.world).code(PHONE)))


async def test_an_account_with_a_password_is_in_only_after_it(dc: DataCentre, me: User, connect: Open) -> None:
    me.password, me.slots["hint"] = "Граница 23", "the usual"
    client = await connect()
    await halfway(dc, client)
    assert await client.get_me() is None
    asked = await client(functions.account.GetPasswordRequest())
    assert (asked.has_password, asked.hint) == (True, "the usual")
    answer = await client(functions.auth.CheckPasswordRequest(compute_check(asked, "Граница 23")))
    assert answer.user.id == me.id
    assert (await client.get_me()).id == me.id


async def test_a_wrong_password_is_refused_and_the_sixth_floods(dc: DataCentre, me: User, connect: Open) -> None:
    me.password = "right"
    client = await connect()
    await halfway(dc, client)
    for _ in range(5):
        asked = await client(functions.account.GetPasswordRequest())
        with pytest.raises(errors.PasswordHashInvalidError):
            await client(functions.auth.CheckPasswordRequest(compute_check(asked, "wrong")))
    asked = await client(functions.account.GetPasswordRequest())
    with pytest.raises(errors.FloodWaitError) as caught:
        await client(functions.auth.CheckPasswordRequest(compute_check(asked, "right")))
    assert caught.value.seconds == 86400


async def test_a_challenge_serves_once_and_by_its_own_id(dc: DataCentre, me: User, connect: Open) -> None:
    me.password = "right"
    client = await connect()
    await halfway(dc, client)
    first = await client(functions.account.GetPasswordRequest())
    second = await client(functions.account.GetPasswordRequest())
    with pytest.raises(errors.SrpIdInvalidError):
        await client(functions.auth.CheckPasswordRequest(compute_check(first, "right")))
    with pytest.raises(errors.SrpIdInvalidError):  # the first try used the second one up
        await client(functions.auth.CheckPasswordRequest(compute_check(second, "right")))


async def test_a_password_that_changed_meanwhile_is_told(dc: DataCentre, me: User, connect: Open) -> None:
    me.password = "old"
    client = await connect()
    await halfway(dc, client)
    asked = await client(functions.account.GetPasswordRequest())
    me.password = "new"
    with pytest.raises(errors.SrpPasswordChangedError):
        await client(functions.auth.CheckPasswordRequest(compute_check(asked, "old")))


async def test_no_proof_is_no_password(dc: DataCentre, me: User, connect: Open) -> None:
    me.password = "right"
    client = await connect()
    await halfway(dc, client)
    with pytest.raises(errors.PasswordHashInvalidError):
        await client(functions.auth.CheckPasswordRequest(types.InputCheckPasswordEmpty()))


async def test_a_stranger_learns_nothing_about_passwords(me: User, connect: Open) -> None:
    client = await connect()
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await client(functions.account.GetPasswordRequest())
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await client(functions.auth.CheckPasswordRequest(types.InputCheckPasswordSRP(1, b"\x05" * 256, b"x")))


async def test_an_account_without_a_password_says_so(me: User, connect: Open) -> None:
    asked = await (await connect(me))(functions.account.GetPasswordRequest())
    assert not asked.has_password


# QR codes


async def export(client: TelegramClient) -> types.auth.LoginToken:
    return await client(functions.auth.ExportLoginTokenRequest(12345, "hash", []))


async def test_a_scanned_code_tells_the_screen_and_lets_it_in(dc: DataCentre, me: User, connect: Open) -> None:
    screen, phone = await connect(), await connect(me)
    told = asyncio.Event()

    async def note(_update: object) -> None:
        told.set()

    screen.add_event_handler(note, events.Raw(types.UpdateLoginToken))
    token = await export(screen)
    device = await phone(functions.auth.AcceptLoginTokenRequest(token.token))
    assert isinstance(device, types.Authorization)
    await asyncio.wait_for(told.wait(), 10)
    answer = await export(screen)
    assert isinstance(answer, types.auth.LoginTokenSuccess)
    assert answer.authorization.user.id == me.id
    assert (await screen.get_me()).id == me.id


async def test_a_scanned_code_still_wants_the_password(dc: DataCentre, me: User, connect: Open) -> None:
    me.password = "right"
    screen, phone = await connect(), await connect(me)
    token = await export(screen)
    await phone(functions.auth.AcceptLoginTokenRequest(token.token))
    for _ in range(2):  # asking again does not let anybody in
        with pytest.raises(errors.SessionPasswordNeededError):
            await export(screen)
    asked = await screen(functions.account.GetPasswordRequest())
    await screen(functions.auth.CheckPasswordRequest(compute_check(asked, "right")))
    assert (await screen.get_me()).id == me.id


async def test_an_unscanned_token_is_handed_back_and_a_scanned_one_may_be_imported(
    dc: DataCentre, me: User, connect: Open
) -> None:
    screen, elsewhere, phone = await connect(), await connect(), await connect(me)
    token = await export(screen)
    answer = await elsewhere(functions.auth.ImportLoginTokenRequest(token.token))
    assert answer.token == token.token
    await phone(functions.auth.AcceptLoginTokenRequest(token.token))
    answer = await elsewhere(functions.auth.ImportLoginTokenRequest(token.token))
    assert answer.authorization.user.id == me.id


async def test_a_made_up_token_is_refused(me: User, connect: Open) -> None:
    with pytest.raises(errors.AuthTokenInvalidError):
        await (await connect(me))(functions.auth.AcceptLoginTokenRequest(b"made up"))


async def test_an_old_token_is_refused(dc: DataCentre, me: User, connect: Open) -> None:
    logins(dc.world).token_life = 0
    screen, phone = await connect(), await connect(me)
    token = await export(screen)
    with pytest.raises(errors.AuthTokenExpiredError):
        await phone(functions.auth.AcceptLoginTokenRequest(token.token))


async def test_a_token_is_accepted_once(me: User, connect: Open) -> None:
    screen, phone = await connect(), await connect(me)
    token = await export(screen)
    await phone(functions.auth.AcceptLoginTokenRequest(token.token))
    with pytest.raises(errors.AuthTokenAlreadyAcceptedError):
        await phone(functions.auth.AcceptLoginTokenRequest(token.token))


async def test_only_an_account_can_scan(dc: DataCentre, me: User, connect: Open) -> None:
    screen, stranger = await connect(), await connect()
    token = await export(screen)
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await stranger(functions.auth.AcceptLoginTokenRequest(token.token))


# Bots, and ends


async def test_a_bot_logs_in_by_its_token_only(dc: DataCentre, me: User, connect: Open) -> None:
    bot = dc.world.add_bot("123456:ABC-token", "alert_bot")
    client = await connect()
    with pytest.raises(errors.AccessTokenInvalidError):
        await client.sign_in(bot_token="123456:other")
    assert (await client.sign_in(bot_token="123456:ABC-token")).id == bot.id
    with pytest.raises(errors.BotMethodInvalidError):
        await client(functions.auth.AcceptLoginTokenRequest(b"x"))


async def test_logging_out_ends_this_login_alone(me: User, connect: Open) -> None:
    leaving, staying = await connect(me), await connect(me)
    assert isinstance(await leaving(functions.auth.LogOutRequest()), types.auth.LoggedOut)
    assert await leaving.get_me() is None
    assert (await staying.get_me()).id == me.id


async def test_a_closed_account_is_refused_everything(me: User, dc: DataCentre, connect: Open) -> None:
    client, stranger = await connect(me), await connect()
    close_account(me)
    with pytest.raises(errors.UserDeactivatedBanError):
        await client(functions.users.GetUsersRequest([types.InputUserSelf()]))
    sent = await stranger(send_code())
    with pytest.raises(errors.UserDeactivatedBanError):
        await stranger(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, logins(dc.world).code(PHONE)))


async def test_a_key_used_from_two_addresses_is_dead_for_good(dc: DataCentre, me: User, connect: Open) -> None:
    key = dc.world.preshared_key(me)
    here = await connect(key=key)
    assert (await here.get_me()).id == me.id
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await connect(key=key, local="127.0.0.2")
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await here(functions.users.GetUsersRequest([types.InputUserSelf()]))


async def test_a_key_used_twice_from_one_address_is_fine(dc: DataCentre, me: User, connect: Open) -> None:
    key = dc.world.preshared_key(me)
    first, second = await connect(key=key), await connect(key=key)
    assert (await first.get_me()).id == (await second.get_me()).id == me.id
