"""The password check against Telethon's own client side."""

import os
from random import Random

import pytest
from telethon.password import compute_check
from telethon.tl import types

from channelwatch.simulator import srp

SEEDED = Random(22)
KEPT = srp.verifier("Козинка 2023 🔑", SEEDED.randbytes)


def answer(asked: srp.Challenge, password: str, kept: srp.Verifier = KEPT) -> types.InputCheckPasswordSRP:
    algo = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
        kept.salt1, kept.salt2, srp.G, srp.P.to_bytes(256, "big")
    )
    request = types.account.Password(
        new_algo=algo, new_secure_algo=None, secure_random=b"", current_algo=algo, srp_B=asked.public, srp_id=asked.id
    )
    return compute_check(request, password)


@pytest.mark.parametrize("seed", range(4))
def test_the_right_password_proves_itself(seed: int) -> None:
    asked = srp.challenge(KEPT, Random(seed).randbytes)
    given = answer(asked, "Козинка 2023 🔑")
    assert given.srp_id == asked.id
    assert srp.proves(KEPT, asked, given.A, given.M1)


@pytest.mark.parametrize("password", ["", "Козинка 2023", "козинка 2023 🔑", "Козинка 2023 🔑 "])
def test_another_password_does_not(password: str) -> None:
    asked = srp.challenge(KEPT, SEEDED.randbytes)
    given = answer(asked, password)
    assert not srp.proves(KEPT, asked, given.A, given.M1)


def test_an_answer_serves_one_challenge_only() -> None:
    first, second = srp.challenge(KEPT, os.urandom), srp.challenge(KEPT, os.urandom)
    given = answer(first, "Козинка 2023 🔑")
    assert srp.proves(KEPT, first, given.A, given.M1)
    assert not srp.proves(KEPT, second, given.A, given.M1)


@pytest.mark.parametrize("a", [0, 1, srp.P - 1, srp.P])
def test_numbers_that_would_let_anyone_in_are_refused(a: int) -> None:
    asked = srp.challenge(KEPT, os.urandom)
    assert not srp.proves(KEPT, asked, a.to_bytes(256, "big"), bytes(32))


@pytest.mark.parametrize("size", [0, 255, 257])
def test_a_number_of_the_wrong_size_is_refused(size: int) -> None:
    assert not srp.proves(KEPT, srp.challenge(KEPT, os.urandom), b"\x05" * size, bytes(32))


def test_the_password_itself_is_not_kept() -> None:
    assert "Козинка" not in repr(KEPT)
    assert srp.verifier("x", os.urandom) != srp.verifier("x", os.urandom)
