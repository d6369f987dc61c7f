"""What a reload can't put in force is named, without its value."""

from pathlib import Path

from channelwatch.config.model import (
    ArchiveConfig,
    ChannelConfig,
    Config,
    HealthConfig,
    Secret,
    Secrets,
    TelegramConfig,
)
from channelwatch.service import restart

HERE = Path("config")
OLD = Config(folder=HERE), Secrets(api_id=1, api_hash=Secret("old-hash"))


def test_what_is_taken_over_live_needs_no_restart() -> None:
    config = Config(folder=HERE, channels=(ChannelConfig(name="news"),), telegram=TelegramConfig(pace=2.0))
    secrets = Secrets(api_id=1, api_hash=Secret("old-hash"), bot_token=Secret("other"), phone=Secret("+1"))
    assert restart.needed(OLD, (config, secrets)) == []


def test_every_key_that_is_read_at_the_start_alone_is_named() -> None:
    telegram = TelegramConfig(dc_id=2, dc_host="127.0.0.1", dc_port=443, rsa_key_file=Path("key.pem"))
    archive, health = ArchiveConfig(file=Path("b.db")), HealthConfig(port=9310)
    config = Config(folder=HERE, archive=archive, health=health, telegram=telegram)
    secrets = Secrets(api_id=2, api_hash=Secret("new-hash"), session_string=Secret("new-session"))
    named = restart.needed(OLD, (config, secrets))
    assert named == [
        "[archive] file",
        "[health] port",
        "[telegram] dc_id",
        "[telegram] dc_host",
        "[telegram] dc_port",
        "[telegram] rsa_key_file",
        "API_ID",
        "API_HASH",
        "SESSION_STRING",
    ]
