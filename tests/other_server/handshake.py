"""The server's half of https://core.telegram.org/mtproto/auth_key, byte by byte from that page.

AES is the ``mtproto`` package's; the RSA pair lies beside this module and protects nothing: it is for tests only.
"""

import hashlib
import secrets
import struct
import time
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import rsa
from mtproto.crypto import ige256_decrypt, ige256_encrypt

from tests.other_server.bytestring import read_bytes, read_number, write_bytes, write_number

PUBLIC_KEY_FILE = Path(__file__).with_name("rsa_test_public_key.pem")
PRIVATE_KEY_FILE = Path(__file__).with_name("rsa_test_private_key.pem")

P, Q = 1628995441, 2075837521
DH_PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
"""Group 14 of RFC 3526: a safe prime, 7 modulo 8, so that 2 is a fit generator."""
G = 2
SAFE = 2 ** (2048 - 64)

REQ_PQ_MULTI, RES_PQ = 0xBE7E8EF1, 0x05162463
REQ_DH_PARAMS, SERVER_DH_PARAMS_OK = 0xD712E4BE, 0xD0E8075C
PQ_INNER_DATA, SERVER_DH_INNER_DATA, CLIENT_DH_INNER_DATA = 0x83C95AEC, 0xB5890DBA, 0x6643B654
SET_CLIENT_DH_PARAMS, DH_GEN_OK = 0xF5045F1F, 0x3BCBF734
VECTOR = 0x1CB5C415


class BadHandshake(Exception):
    """The client said something that the page does not allow."""


class Agreed(NamedTuple):
    """What a finished exchange leaves behind."""

    auth_key: bytes
    """256 bytes. Telethon shortens one that begins with zeros, finds the proof wrong, and agrees on another."""
    salt: int

    @property
    def id(self) -> int:
        """The number by which packets name the key."""
        return int.from_bytes(sha1(self.auth_key)[-8:], "little", signed=True)


class Handshake:
    """One connection's key exchange: three requests, three answers."""

    def __init__(self) -> None:
        """Start anew."""
        self._key = rsa.PrivateKey.load_pkcs1(PRIVATE_KEY_FILE.read_bytes())
        number = write_number(self._key.n) + write_number(self._key.e)
        self._fingerprint = sha1(number)[-8:]
        self._nonces = b""
        self._new_nonce = b""
        self._secret = 0
        self.agreed: Agreed | None = None
        """Set with the third answer."""

    def answer(self, request: bytes) -> bytes:
        """Return the answer to the client's next request; raises BadHandshake."""
        stream = BytesIO(request)
        constructor = _uint(stream)
        if constructor == REQ_PQ_MULTI:
            self._nonces = stream.read(16) + secrets.token_bytes(16)
            fingerprints = struct.pack("<Ii", VECTOR, 1) + self._fingerprint
            return _pack(RES_PQ, self._nonces, write_number(P * Q), fingerprints)
        _expect(stream.read(32) == self._nonces, "the nonces")
        if constructor == REQ_DH_PARAMS:
            return self._dh_params(stream)
        _expect(constructor == SET_CLIENT_DH_PARAMS and self._secret != 0, f"the order ({constructor:08x})")
        return self._dh_done(stream)

    def _dh_params(self, stream: BytesIO) -> bytes:
        _expect((read_number(stream), read_number(stream)) == (P, Q), "the factors")
        _expect(stream.read(8) == self._fingerprint, "the RSA key")
        plain = pow(read_number(stream), self._key.d, self._key.n).to_bytes(255, "big")
        digest, inner = plain[:20], BytesIO(plain[20:])
        _expect(_uint(inner) == PQ_INNER_DATA, "the inner data")
        _expect((read_number(inner), read_number(inner), read_number(inner)) == (P * Q, P, Q), "the inner factors")
        _expect(inner.read(32) == self._nonces, "the inner nonces")
        self._new_nonce = inner.read(32)
        _expect(sha1(plain[20 : 20 + inner.tell()]) == digest, "the inner digest")
        self._secret = SAFE + secrets.randbelow(DH_PRIME - 2 * SAFE)
        answer = _pack(
            SERVER_DH_INNER_DATA,
            self._nonces,
            struct.pack("<i", G),
            write_number(DH_PRIME),
            write_number(pow(G, self._secret, DH_PRIME)),
            struct.pack("<i", int(time.time())),
        )
        answer = sha1(answer) + answer
        answer += secrets.token_bytes(-len(answer) % 16)
        return _pack(SERVER_DH_PARAMS_OK, self._nonces, write_bytes(ige256_encrypt(answer, *self._temporary())))

    def _dh_done(self, stream: BytesIO) -> bytes:
        plain = ige256_decrypt(read_bytes(stream), *self._temporary())
        digest, inner = plain[:20], BytesIO(plain[20:])
        _expect(_uint(inner) == CLIENT_DH_INNER_DATA, "the client's inner data")
        _expect(inner.read(32) == self._nonces, "the client's inner nonces")
        inner.read(8)  # retry_id
        g_b = read_number(inner)
        _expect(sha1(plain[20 : 20 + inner.tell()]) == digest, "the client's digest")
        _expect(SAFE <= g_b <= DH_PRIME - SAFE, "g_b")
        auth_key = pow(g_b, self._secret, DH_PRIME).to_bytes(256, "big")
        server_nonce = self._nonces[16:]
        salt = bytes(a ^ b for a, b in zip(self._new_nonce[:8], server_nonce[:8], strict=True))
        self.agreed = Agreed(auth_key, int.from_bytes(salt, "little", signed=True))
        proof = sha1(self._new_nonce + b"\x01" + sha1(auth_key)[:8])[4:]
        return _pack(DH_GEN_OK, self._nonces, proof)

    def _temporary(self) -> tuple[bytes, bytes]:
        """Return the AES key and iv of the exchange itself."""
        new, server = self._new_nonce, self._nonces[16:]
        middle = sha1(server + new)
        return sha1(new + server) + middle[:12], middle[12:] + sha1(new + new) + new[:4]


def sha1(data: bytes) -> bytes:
    """Return the digest that the protocol uses throughout."""
    return hashlib.sha1(data).digest()


def _uint(stream: BytesIO) -> int:
    return int.from_bytes(stream.read(4), "little")


def _pack(constructor: int, *parts: bytes) -> bytes:
    return struct.pack("<I", constructor) + b"".join(parts)


def _expect(right: bool, what: str) -> None:
    if not right:
        raise BadHandshake(f"{what} can't be right")
