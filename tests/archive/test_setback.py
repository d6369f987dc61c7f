"""A clock that ran a year ahead and was set right: nothing waits for that year."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channelwatch.archive import alerts, channels, journal, ledger, outbox, posts, rules, work
from channelwatch.archive.file import Archive
from channelwatch.archive.pauses import pause, pauses
from channelwatch.archive.writer import Writer
from channelwatch.config.model import ChannelConfig, RuleConfig
from channelwatch.post import ChannelInfo, Post

NOW = datetime(2023, 5, 22, 9, 0, tzinfo=UTC)
AHEAD = NOW + timedelta(days=365)
RULES = (RuleConfig(name="shelling", query="обстрел", file="rules.toml"),)


def fill(writer: Writer) -> None:
    """Write what a daemon leaves whose clock is a year ahead."""
    run = writer.run_sync
    run(journal.note_start, AHEAD)
    run(rules.sync, RULES, AHEAD)
    run(channels.upsert, ChannelInfo(5, 1, "legion", "Legion", True), ChannelConfig(name="legion"), AHEAD)
    run(ledger.begin, 5, 0, AHEAD)
    stored = run(posts.store, [Post(5, 3, NOW, "обстрел", album=9)], "push", AHEAD)
    run(ledger.advance, 5, 3, AHEAD)
    alert = run(alerts.add, post=stored.new[0], severity="warning", state="ringing", reason="new", now=AHEAD)
    run(outbox.enqueue, alert, "desk", ["body"], AHEAD)
    run(outbox.pause, ["desk"], AHEAD + timedelta(seconds=20), "flood", AHEAD)
    run(pause, "messages.getHistory", AHEAD + timedelta(seconds=20), "flood")
    run(journal.note_alive, AHEAD + timedelta(seconds=0.5))


@pytest.mark.parametrize("restart", [True, False], ids=["at the start", "while it runs"])
def test_what_waits_is_waited_for_no_longer_than_it_was_meant(tmp_path: Path, restart: bool) -> None:
    with Archive(tmp_path / "a.db").open_writer() as writer:
        fill(writer)
        soon = NOW + timedelta(minutes=10)
        assert writer.run_sync(work.due, soon) == []
        if restart:
            assert writer.run_sync(journal.note_start, NOW) == timedelta()
        else:
            assert writer.run_sync(journal.note_alive, NOW)
        (item,) = writer.run_sync(work.due, soon)
        assert abs(item.queued_at - NOW) < timedelta(seconds=2)
        assert writer.run_sync(outbox.claim, "desk", NOW + timedelta(seconds=5)) == []
        assert len(writer.run_sync(outbox.claim, "desk", soon)) == 1
        assert list(writer.run_sync(pauses, NOW + timedelta(seconds=5))) == ["messages.getHistory"]
        assert writer.run_sync(pauses, soon) == {}
        assert len(writer.run_sync(ledger.due_holes, NOW + timedelta(days=1), 9)) == 1
        (rule,) = writer.run_sync(rules.sync, RULES, soon)
        assert rule.version == 1
        assert rule.asked_since <= NOW
        assert not writer.run_sync(journal.note_alive, soon)
