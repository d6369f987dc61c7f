"""Which settings a running daemon can't take over: they are read at its start."""

from channelwatch.config.model import Config, Secrets


def needed(started: tuple[Config, Secrets], read: tuple[Config, Secrets]) -> list[str]:
    """Return the keys that differ between what the daemon started with and what was read now, as a person writes them.

    Never a value: some are secrets.
    """
    before, after = map(_fixed, (started, read))
    return [key for key, value in before.items() if after[key] != value]


def _fixed(settings: tuple[Config, Secrets]) -> dict[str, object]:
    config, secrets = settings
    return {
        "[archive] file": config.archive.file,
        "[health] port": config.health.port,
        "[telegram] dc_id": config.telegram.dc_id,
        "[telegram] dc_host": config.telegram.dc_host,
        "[telegram] dc_port": config.telegram.dc_port,
        "[telegram] rsa_key_file": config.telegram.rsa_key_file,
        "API_ID": secrets.api_id,
        "API_HASH": secrets.api_hash and secrets.api_hash.reveal(),
        "SESSION_STRING": secrets.session_string and secrets.session_string.reveal(),
    }
