"""Making an authorisation key: the server's half of https://core.telegram.org/mtproto/auth_key.

The RSA pair lies beside this module and is public: it protects nothing, it only lets a client check that it speaks
with a simulator. ``rsa_key.pem`` is what the daemon's ``rsa_key_file`` takes.
"""

import os
import struct
from functools import cache
from hashlib import sha1
from pathlib import Path
from random import SystemRandom
from typing import Any

import rsa
from telethon.crypto import AES
from telethon.helpers import generate_key_data_from_nonce
from telethon.tl import functions, types
from telethon.tl.tlobject import TLObject

from channelwatch.simulator.wire import BadPacket, Key, read_object

PUBLIC_KEY_FILE = Path(__file__).with_name("rsa_key.pem")
_PRIVATE_KEY_FILE = Path(__file__).with_name("rsa_test_private_key.pem")

DH_PRIME = int(
    "C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F48198A0AA7C14058229493D22530F4DBFA336F6E0AC92513"
    "9543AED44CCE7C3720FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F642477FE96BB2A941D5BCD1D4AC8CC4988"
    "0708FA9B378E3C4F3A9060BEE67CF9A4A4A695811051907E162753B56B0F6B410DBA74D8A84B2A14B3144E0EF1284754FD17ED950D5965B4"
    "B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F"
    "0D8115F635B105EE2E4E15D04B2454BF6F4FADF034B10403119CD8E3B92FCC5B",
    16,
)
"""Telegram's own 2048-bit safe prime; clients know it by heart."""
DH_G = 3
_PQ_INNER = (types.PQInnerData, types.PQInnerDataDc)
_P, _Q = 1229739323, 1402015859
"""Factoring their product is the client's proof of work; small enough to take no time."""


@cache
def _private_key() -> Any:
    return rsa.PrivateKey.load_pkcs1(_PRIVATE_KEY_FILE.read_bytes())


def to_bytes(number: int) -> bytes:
    """Return a number big-endian, without leading zeros."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


@cache
def fingerprint() -> int:
    """Return the fingerprint by which clients find the RSA key."""
    key = _private_key()
    parts = TLObject.serialize_bytes(to_bytes(key.n)) + TLObject.serialize_bytes(to_bytes(key.e))
    value: int = struct.unpack("<q", sha1(parts).digest()[-8:])[0]
    return value


class Handshake:
    """The key exchange of one connection; `answer` takes the client's three requests in turn."""

    def __init__(self) -> None:
        """Start anew."""
        self._nonce = self._server_nonce = self._new_nonce = self._secret = 0
        self._aes: tuple[bytes, bytes] = b"", b""

    def answer(self, request: Any, now: int) -> tuple[Any, Key | None]:
        """Return (answer, the new key once it is agreed); raises BadPacket for anything out of order.

        `now`: the server's Unix time.
        """
        if isinstance(request, (functions.ReqPqRequest, functions.ReqPqMultiRequest)):
            self._nonce = request.nonce
            self._server_nonce = int.from_bytes(os.urandom(16), "big", signed=True)
            return types.ResPQ(self._nonce, self._server_nonce, to_bytes(_P * _Q), [fingerprint()]), None
        if not self._server_nonce or request.nonce != self._nonce or request.server_nonce != self._server_nonce:
            raise BadPacket("a key exchange out of order, or wrong nonces")
        if isinstance(request, functions.ReqDHParamsRequest):
            return self._dh_params(request, now), None
        if isinstance(request, functions.SetClientDHParamsRequest) and self._secret:
            return self._dh_done(request)
        raise BadPacket(f"{type(request).__name__} during a key exchange")

    def _dh_params(self, request: Any, now: int) -> Any:
        if request.public_key_fingerprint != fingerprint():
            raise BadPacket("an RSA key that is not ours")
        if {request.p, request.q} != {to_bytes(_P), to_bytes(_Q)}:
            raise BadPacket("wrong factors")
        key = _private_key()
        cipher = int.from_bytes(request.encrypted_data, "big")
        if cipher >= key.n:
            raise BadPacket("not encrypted with our RSA key")
        plain = pow(cipher, key.d, key.n).to_bytes(256, "big")[1:]
        inner = read_object(plain[20:])
        if not isinstance(inner, _PQ_INNER) or sha1(bytes(inner)).digest() != plain[:20]:
            raise BadPacket("wrong inner data")
        if inner.server_nonce != self._server_nonce:
            raise BadPacket("wrong inner data")
        self._new_nonce = inner.new_nonce
        self._secret = SystemRandom().randrange(2**2000, 2**2040)
        self._aes = generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        answer = bytes(
            types.ServerDHInnerData(
                self._nonce,
                self._server_nonce,
                DH_G,
                to_bytes(DH_PRIME),
                to_bytes(pow(DH_G, self._secret, DH_PRIME)),
                now,
            )
        )
        answer = sha1(answer).digest() + answer
        answer += os.urandom(-len(answer) % 16)
        return types.ServerDHParamsOk(self._nonce, self._server_nonce, AES.encrypt_ige(answer, *self._aes))

    def _dh_done(self, request: Any) -> tuple[Any, Key]:
        if not request.encrypted_data or len(request.encrypted_data) % 16:
            raise BadPacket("client data of an impossible length")
        plain = AES.decrypt_ige(request.encrypted_data, *self._aes)
        inner = read_object(plain[20:])
        if not isinstance(inner, types.ClientDHInnerData) or sha1(bytes(inner)).digest() != plain[:20]:
            raise BadPacket("wrong client data")
        g_b = int.from_bytes(inner.g_b, "big")
        if not 2**1984 <= g_b <= DH_PRIME - 2**1984:
            raise BadPacket("g_b out of range")
        key = Key(to_bytes(pow(g_b, self._secret, DH_PRIME)))
        nonce = self._new_nonce.to_bytes(32, "little", signed=True)
        first_salt = bytes(
            a ^ b for a, b in zip(nonce[:8], self._server_nonce.to_bytes(16, "little", signed=True)[:8], strict=True)
        )
        (key.salt,) = struct.unpack("<q", first_salt)
        digest = sha1(nonce + b"\x01" + sha1(key.data).digest()[:8]).digest()
        proof = int.from_bytes(digest[4:20], "little", signed=True)
        self._secret = 0
        return types.DhGenOk(self._nonce, self._server_nonce, proof), key
