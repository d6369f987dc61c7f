"""Logs: secrets struck out, foreign text harmless."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from channelwatch.service.logs import configure
configure(["s3cr3t-hash-value", "123456"], json={json})
log = structlog.get_logger("channelwatch.test")
log.info("with value", where="hash s3cr3t-hash-value here")
log.info("post", text="bell \\x07 and \\x1b[31m red")
logging.getLogger("foreign").warning("token %s", "7654321:AAF-abcdefghijklmnopqrstuvwxyz012345")
def risky(token):
    raise ValueError("bad " + token + " in \\x1b[32m green \\x9b")
try:
    risky("s3cr3t-hash-value")
except ValueError:
    log.exception("failed")
"""


def run(as_json: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{json}", str(as_json))], capture_output=True, text=True, check=True
    )
    return done.stderr


def test_no_secret_reaches_a_line_or_a_traceback() -> None:
    for as_json in (True, False):
        text = run(as_json)
        assert "s3cr3t" not in text
        assert "AAF-abc" not in text
        assert "ValueError" in text


def test_json_is_one_object_a_line_and_foreign_records_too() -> None:
    lines = [json.loads(line) for line in run(True).splitlines()]
    assert [line["event"] for line in lines] == ["with value", "post", "token ***", "failed"]
    assert lines[0]["level"] == "info"
    assert lines[0]["timestamp"].endswith("Z")


def test_a_post_cannot_drive_the_terminal() -> None:
    assert "\x1b[31m red" not in run(False)
    assert "\x1b[32m green" not in run(False)
    assert "\x9b" not in run(False) + run(True)
    assert "\\x1b" in run(False)
