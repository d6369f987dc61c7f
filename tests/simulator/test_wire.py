"""Transports, keys and the service messages of MTProto."""

import asyncio
import struct
from hashlib import sha256
from random import Random

import pytest
from telethon import TelegramClient, functions, types
from telethon.crypto import AES, AuthKey, rsa
from telethon.errors import AuthKeyNotFound, RPCError
from telethon.network.connection import ConnectionTcpAbridged, ConnectionTcpIntermediate
from telethon.network.mtprotostate import MTProtoState
from telethon.tl.core import GzipPacked

from channelwatch.simulator import wire
from channelwatch.simulator.handshake import Handshake

from ..telegram_fixtures import client_for, connected, get_history, peer, refused, session_for


async def test_a_full_handshake_ends_in_a_key_that_the_world_knows(dc, world, me):
    rsa.add_key(dc.rsa_key_file.read_bytes(), old=False)
    client = client_for(dc, None)
    await client.connect()
    try:
        key_id = client.session.auth_key.key_id
        (signed,) = struct.unpack("<q", struct.pack("<Q", key_id))
        assert signed in world.keys
        assert not await client.is_user_authorized()
        world.keys[signed].user = me
        assert (await client.get_me()).id == me.id
    finally:
        await client.disconnect()


async def test_without_require_login_a_new_key_is_the_first_user(dc, world, me):
    rsa.add_key(dc.rsa_key_file.read_bytes(), old=False)
    dc.require_login = False
    client = client_for(dc, None)
    await client.connect()
    try:
        assert (await client.get_me()).id == me.id
    finally:
        await client.disconnect()


@pytest.mark.parametrize("transport", [ConnectionTcpAbridged, ConnectionTcpIntermediate])
async def test_other_transports_are_detected(dc, me, news, transport):
    dc.load(news, [{"text": "х" * 400} for _ in range(20)])
    async with connected(dc, me, connection=transport) as client:
        assert len((await client(get_history(peer(dc, me, news)))).messages) == 20


async def test_an_unknown_key_gets_transport_error_404(dc):
    client = TelegramClient(session_for(dc, b"\x01" * 256), 12345, "0" * 32, connection_retries=0)
    with pytest.raises(AuthKeyNotFound):
        await client.connect()
    with pytest.raises(AuthKeyNotFound):
        await client.disconnected
    await client.disconnect()


async def test_forgotten_keys_are_unknown(dc, world, me):
    client = client_for(dc, me)
    dc.forget_keys()
    with pytest.raises(AuthKeyNotFound):
        await client.connect()
    with pytest.raises(AuthKeyNotFound):
        await client.disconnected
    await client.disconnect()


def test_a_key_with_a_leading_zero_is_shortened_as_telethon_shortens_it():
    data = b"\x00" + bytes(range(1, 256))
    (key_id,) = struct.unpack("<q", struct.pack("<Q", AuthKey(data[1:]).key_id))
    assert wire.Key(data).id == key_id


def test_containers_and_gzip_are_taken_apart():
    ping = bytes(functions.PingRequest(7))
    packed = bytes(GzipPacked(ping))
    inner = struct.pack("<qii", 4, 1, len(ping)) + ping + struct.pack("<qii", 8, 3, len(packed)) + packed
    body = struct.pack("<Ii", wire.CONTAINER, 2) + inner
    assert [(i, n, o.ping_id) for i, n, o in wire.unpack(12, 5, body)] == [(4, 1, 7), (8, 3, 7)]


def test_an_unknown_constructor_in_a_container_spoils_only_itself():
    ping = bytes(functions.PingRequest(7))
    inner = struct.pack("<qii", 4, 1, 4) + wire.UNKNOWN_CONSTRUCTOR + struct.pack("<qii", 8, 3, len(ping)) + ping
    first, second = wire.unpack(12, 5, struct.pack("<Ii", wire.CONTAINER, 2) + inner)
    assert isinstance(first[2], Exception)
    assert second[2].ping_id == 7


def test_answers_that_are_no_objects_are_put_together_by_hand():
    assert wire.answer_bytes(True) == wire.TRUE
    assert wire.answer_bytes([1]) == struct.pack("<Iiq", wire.VECTOR, 1, 1)
    assert next(wire.unpack(4, 1, wire.gzipped(bytes(functions.PingRequest(7)))))[2].ping_id == 7


def test_a_damaged_packet_is_refused():
    key = wire.Key(bytes(range(1, 256)))
    with pytest.raises(wire.BadPacket):
        wire.decrypt(key, b"\0" * 100)
    with pytest.raises(wire.BadPacket):
        wire.decrypt(key, b"\0" * (24 + 64))


async def test_a_damaged_frame_closes_the_line_and_nothing_else(dc, me, news):
    reader, writer = await asyncio.open_connection(dc.host, dc.port)
    writer.write(struct.pack("<ii", 20, 0) + b"\0" * 12)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    async with connected(dc, me) as client:
        assert await client.get_me()


async def talk(dc, *packets):
    """Send packets as a client would frame them; return what comes back until the server closes or is silent."""
    reader, writer = await asyncio.open_connection(dc.host, dc.port)
    framing = wire.Full()
    writer.write(b"".join(framing.frame(packet) for packet in packets))
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_no_bytes_whatever_crash_the_server(dc, world, me):
    random = Random(1)
    key = world.keys[wire.Key(world.preshared_key(me)).id]
    valid = [
        bytes(functions.PingRequest(1)),
        bytes(functions.updates.GetStateRequest()),
        b"\xdc\xf8\xf1\x73" + b"\1\0\0\0",
    ]
    for number in range(150):
        noise = random.randbytes(random.randrange(0, 80))
        body = random.choice(valid)[: random.randrange(4, 12)] + noise
        match number % 3:
            case 0:
                await talk(dc, noise)
            case 1:
                await talk(dc, struct.pack("<qqi", 0, 4, len(body)) + body)
            case 2:
                message_id = (int(dc.time()) << 32) + 4 * number
                await talk(dc, _encrypted(key, key.salt, message_id, body))
    assert dc.crashes == []
    assert dc.calls["ping"]  # so the encrypted ones were read
    async with connected(dc, me) as client:
        assert await client.get_me()


def _encrypted(key, salt, message_id, body):
    """Return a client's packet."""
    plain = struct.pack("<qqqii", salt, 5, message_id, 1, len(body)) + body
    plain += bytes(-(len(plain) + 12) % 16 + 12)
    message_key = sha256(key.data[88:120] + plain).digest()[8:24]
    aes = MTProtoState._calc_key(key.data, message_key, True)
    return struct.pack("<q", key.id) + message_key + AES.encrypt_ige(plain, *aes)


async def test_a_broken_key_exchange_closes_the_line(dc):
    ask = bytes(functions.ReqPqMultiRequest(7))
    too_early = bytes(functions.ReqDHParamsRequest(7, 8, b"1", b"2", 9, b"\0" * 256))
    answer = await talk(dc, *[struct.pack("<qqi", 0, 4, len(body)) + body for body in (ask, too_early)])
    assert len(answer) < 200  # resPQ, and nothing after it


def test_a_key_exchange_out_of_order_is_refused():
    with pytest.raises(wire.BadPacket):
        Handshake().answer(functions.SetClientDHParamsRequest(1, 2, b"\0" * 32), 0)


async def test_large_answers_are_gzipped_when_asked_for(dc, me, news):
    dc.gzip_over = 500
    dc.load(news, [{"text": "слово " * 50} for _ in range(30)])
    async with connected(dc, me) as client:
        page = await client(get_history(peer(dc, me, news)))
    assert len(page.messages) == 30


async def test_pings_salts_and_sessions_are_answered(dc, me):
    async with connected(dc, me) as client:
        assert (await client(functions.PingRequest(77))).ping_id == 77
        assert (await client(functions.PingDelayDisconnectRequest(78, 60))).ping_id == 78
        assert (await client(functions.GetFutureSaltsRequest(1))).salts
        assert isinstance(await client(functions.DestroySessionRequest(5)), types.DestroySessionNone)
    assert dc.calls["ping"] == 1


async def test_an_unknown_request_is_refused_and_counted(dc, me):
    async with connected(dc, me) as client:
        with refused("INPUT_METHOD_INVALID"):
            await client(functions.messages.GetAllDraftsRequest())
    assert dc.unknown_calls == {"messages.getAllDrafts": 1}


async def test_a_crash_of_a_handler_is_a_500_and_recorded(dc, me, news):
    async with connected(dc, me) as client:
        news.ids.append(5)  # a world that contradicts itself
        with pytest.raises(RPCError) as caught:
            await client._sender.send(get_history(peer(dc, me, news)))  # without Telethon's own retries
    assert caught.value.code == 500
    assert [type(error) for error in dc.crashes] == [KeyError]
    dc.crashes.clear()


async def test_a_request_before_init_connection_is_refused(dc, world, me):
    client = client_for(dc, me)
    await client.connect()
    try:
        for key in world.keys.values():
            key.inited = False
        with refused("CONNECTION_NOT_INITED"):
            await client(functions.updates.GetStateRequest())
    finally:
        await client.disconnect()


async def test_a_key_without_a_login_is_refused_with_401(dc, world, me):
    async with connected(dc, me) as client:
        dc.log_out(me)
        with refused("AUTH_KEY_UNREGISTERED"):
            await client(functions.updates.GetStateRequest())
        assert await client(functions.help.GetNearestDcRequest())


async def test_a_message_id_far_from_the_servers_clock_is_answered_with_the_right_time(dc, me):
    dc.clock_skew = 3600
    async with connected(dc, me) as client:
        assert (await client.get_me()).id == me.id
        assert abs(client._sender._state.time_offset - 3600) <= 1


async def test_a_stop_and_start_keeps_port_and_keys(dc, me, news):
    async with connected(dc, me, connection_retries=20) as client:
        port = dc.port
        await dc.stop()
        dc.load(news, [{"text": "пока лежало"}])
        await dc.start()
        assert dc.port == port
        page = await client(get_history(peer(dc, me, news)))
        assert [message.message for message in page.messages] == ["пока лежало"]
