"""The 2FA password check, server side: SRP as Telegram documents it (https://core.telegram.org/api/srp).

The server keeps a *verifier*, never the password. Per attempt it makes a *challenge* (B, under an id); the client
answers with A and a proof M1 that only someone who knows the password can compute. Pure: randomness comes in.

Written from the documentation, not from Telethon's client code, so that the two check each other.
"""

import hashlib
import hmac
from collections.abc import Callable

import msgspec

from .handshake import DH_PRIME

P = DH_PRIME

G = 3
SIZE = 256
"""Every number is hashed as so many bytes, big-endian."""

ITERATIONS = 100_000

Random = Callable[[int], bytes]
"""``os.urandom``, or something repeatable."""


class Verifier(msgspec.Struct, frozen=True):
    """What the server keeps of a password."""

    salt1: bytes
    salt2: bytes
    v: int


class Challenge(msgspec.Struct, frozen=True):
    """One attempt: its id, the server's secret exponent and what the client is shown of it."""

    id: int
    b: int
    public: bytes


def verifier(password: str, random: Random) -> Verifier:
    """Turn a new password into what the server keeps."""
    salt1, salt2 = random(8), random(16)
    return Verifier(salt1, salt2, pow(G, _password_number(password, salt1, salt2), P))


def challenge(kept: Verifier, random: Random) -> Challenge:
    """Start an attempt: B = k·v + g^b."""
    b = int.from_bytes(random(SIZE), "big")
    public = (_K * kept.v + pow(G, b, P)) % P
    return Challenge(int.from_bytes(random(8), "big", signed=True), b, _bytes(public))


def proves(kept: Verifier, asked: Challenge, public: bytes, proof: bytes) -> bool:
    """Tell whether the client's A and M1 show knowledge of the password."""
    a = int.from_bytes(public, "big")
    if len(public) != SIZE or not 1 < a < P - 1:
        return False  # A ≡ 0 or ±1 would let anyone in
    u = int.from_bytes(_hash(public, asked.public), "big")
    secret = pow(a * pow(kept.v, u, P), asked.b, P)
    prime, generator = _hash(_bytes(P)), _hash(_bytes(G))
    expected = _hash(
        bytes(x ^ y for x, y in zip(prime, generator, strict=True)),
        _hash(kept.salt1),
        _hash(kept.salt2),
        public,
        asked.public,
        _hash(_bytes(secret)),
    )
    return hmac.compare_digest(expected, proof)


def _password_number(password: str, salt1: bytes, salt2: bytes) -> int:
    first = _salted(_salted(password.encode(), salt1), salt2)
    slow = hashlib.pbkdf2_hmac("sha512", first, salt1, ITERATIONS)
    return int.from_bytes(_salted(slow, salt2), "big")


def _salted(data: bytes, salt: bytes) -> bytes:
    return _hash(salt, data, salt)


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _bytes(number: int) -> bytes:
    return number.to_bytes(SIZE, "big")


_K = int.from_bytes(_hash(_bytes(P), _bytes(G)), "big")
