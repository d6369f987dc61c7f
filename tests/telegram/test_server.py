"""How Telethon is set up: our settings, another server, its RSA key."""

from pathlib import Path

import pytest
import rsa
from telethon.crypto import rsa as telethon_keys

from channelwatch.config.model import Secret, Secrets, TelegramConfig
from channelwatch.errors import ConfigError
from channelwatch.telegram import server

SECRETS = Secrets(api_id=12345, api_hash=Secret("0123456789abcdef"))

# A throw-away public key, made for this test.
PUBLIC = rsa.PublicKey(n=(1 << 2047) + 981, e=65537)


async def test_the_client_never_sleeps_by_itself_and_names_itself_honestly() -> None:
    client = server.open_client(server.fresh_session(TelegramConfig()), TelegramConfig(), SECRETS)
    assert client.flood_sleep_threshold == 0
    assert client._init_request.device_model == "channelwatch"
    assert client.session.server_address is None  # Telethon fills in Telegram's own


async def test_another_server_is_where_a_fresh_session_points() -> None:
    config = TelegramConfig(dc_id=2, dc_host="::1", dc_port=4430)
    client = server.open_client(server.fresh_session(config), config, SECRETS, connection_retries=0)
    assert (client.session.server_address, client.session.port) == ("::1", 4430)
    assert client._use_ipv6 is True
    assert client._connection_retries == 0


@pytest.mark.parametrize(
    ("secrets", "named"),
    [
        (Secrets(), ["API_ID", "API_HASH"]),
        (Secrets(api_id=1), ["API_HASH"]),
        (Secrets(api_hash=Secret("x")), ["API_ID"]),
    ],
)
def test_missing_api_credentials_are_all_named_with_where_to_get_them(secrets: Secrets, named: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"my\.telegram\.org") as caught:
        server.api_pair(secrets)
    assert [problem.path for problem in caught.value.problems] == named


@pytest.mark.parametrize("form", ["pkcs1", "openssl"])
def test_a_servers_rsa_key_is_trusted_in_either_pem_form(tmp_path: Path, form: str) -> None:
    pem = PUBLIC.save_pkcs1() if form == "pkcs1" else PUBLIC_SPKI
    path = tmp_path / "server.pem"
    path.write_bytes(pem)
    fingerprint = telethon_keys._compute_fingerprint(PUBLIC)
    telethon_keys._server_keys.pop(fingerprint, None)
    server.trust(path)
    assert telethon_keys._server_keys.pop(fingerprint) == (PUBLIC, False)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n"]
)
def test_a_file_without_a_key_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "server.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"telegram.rsa_key_file: .*server.pem holds no public RSA key"):
        server.trust(path)


def test_a_missing_key_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        server.trust(tmp_path / "absent.pem")


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    path.write_bytes(rsa.PublicKey(n=(1 << 1023) + 77, e=65537).save_pkcs1())
    with pytest.raises(ConfigError, match="1024 bits; MTProto needs 2048"):
        server.trust(path)


def _spki(key: rsa.PublicKey) -> bytes:
    """Wrap a PKCS#1 key as OpenSSL's ``PUBLIC KEY``."""
    from pyasn1.codec.der import encoder
    from pyasn1.type import univ
    from rsa.asn1 import OpenSSLPubKey
    from rsa.pem import save_pem

    outer = OpenSSLPubKey()
    outer["header"]["oid"] = univ.ObjectIdentifier("1.2.840.113549.1.1.1")
    outer["header"]["parameters"] = univ.Null("")
    outer["key"] = b"\0" + key.save_pkcs1("DER")  # a bit string without unused bits
    return save_pem(encoder.encode(outer), "PUBLIC KEY")


PUBLIC_SPKI = _spki(PUBLIC)
