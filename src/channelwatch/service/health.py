"""``/health`` and ``/metrics`` on loopback: they report work done, not "the process is alive".

Served from a thread of its own with a read-only connection of its own, so that a stuck event loop is seen too.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from channelwatch.archive import standing
from channelwatch.clock import Clock, from_iso
from channelwatch.errors import ArchiveError, WatchError

STALE_SWEEP = 15 * 60.0
"""Seconds after which no channel having been swept is ill: the slowest rhythm sweeps one sooner."""

_REMEDY = "give another port under [health] in channelwatch.toml, or end what holds it"

STALE_QUEUE = 5 * 60.0
"""Seconds that a post may wait for the rules, or an alert for its outlet, before that is ill."""


def ills(now: standing.Standing) -> list[str]:
    """Return what is wrong, one sentence each; empty when the service does its work."""
    found = [f"{what}: {reason} (since {since})" for what, since, reason in now.outages]
    active = [channel for channel in now.channels if channel.state == "active"]
    swept = [from_iso(channel.last_sweep) for channel in active if channel.last_sweep]
    if swept and (from_iso(now.at) - max(swept)).total_seconds() > STALE_SWEEP:
        found.append(f"no channel was swept since {max(swept):%Y-%m-%dT%H:%M:%SZ}")
    if (now.oldest_work or 0) > STALE_QUEUE:
        found.append(f"a post has waited {now.oldest_work:.0f} s for the rules")
    if (now.oldest_due or 0) > STALE_QUEUE:
        found.append(f"an alert has waited {now.oldest_due:.0f} s for its outlet")
    found += [
        f"outlet {outlet.outlet}: {outlet.reason} (since {outlet.since}), {outlet.waiting} deliveries wait"
        for outlet in now.outlets
    ]
    if now.dead_lately:
        found.append(f"{now.dead_lately} deliveries of the last day were given up")
    return found


class _Collector:
    """Turns a standing into metrics when they are asked for."""

    def __init__(self, look: Callable[[], standing.Standing], troubles: Callable[[], list[str]]) -> None:
        self._look = look
        self._troubles = troubles

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; `docs/metrics.md` explains each."""
        now = self._look()
        for name, text, value in (
            ("channelwatch_posts", "Posts in the archive", now.posts),
            ("channelwatch_work", "Revisions that wait for the rules", now.work),
            ("channelwatch_oldest_work_seconds", "How long the oldest of them has waited", now.oldest_work or 0),
            ("channelwatch_deliveries_due", "Deliveries not sent yet", now.due),
            ("channelwatch_oldest_due_seconds", "How long the oldest of them has waited", now.oldest_due or 0),
            ("channelwatch_deliveries_dead", "Deliveries given up", now.dead),
            ("channelwatch_healthy", "1 when /health says so", 0 if ills(now) or self._troubles() else 1),
        ):
            yield GaugeMetricFamily(name, text, value)
        for name, text, field in (
            ("channelwatch_channel_posts", "Posts stored", "posts"),
            ("channelwatch_channel_waiting", "Ids known above the mark", "waiting"),
            ("channelwatch_channel_open_holes", "Ids skipped and not yet settled", "open_holes"),
            ("channelwatch_channel_lag_seconds", "Median lag of the last day", "lag_median"),
        ):
            family = GaugeMetricFamily(name, text, labels=["channel"])
            for channel in now.channels:
                value = getattr(channel, field)
                if value is not None:
                    family.add_metric([channel.channel], value)
            yield family
        jobs = GaugeMetricFamily("channelwatch_job_failures", "Failures in a row", labels=["job"])
        for job, (_success, failures, _error) in now.jobs.items():
            jobs.add_metric([job], failures)
        yield jobs


class HealthServer:
    """Serves GET /health (200 or 503, JSON) and GET /metrics (Prometheus text) on 127.0.0.1."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        clock: Clock,
        port: int,
        troubles: Callable[[], list[str]] = list,
    ) -> None:
        """`connect` opens a read-only connection to the archive; `port` 0 takes any free one.

        `troubles` tells what is wrong that the archive can't say; it is called from other threads.
        Raises WatchError when the port is taken or not ours to take.
        """

        def look() -> standing.Standing:
            connection = connect()
            try:
                return standing.read(connection, clock.now())
            finally:
                connection.close()

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(look, troubles))

        class Handler(BaseHTTPRequestHandler):
            """Answers two addresses and nothing else."""

            timeout = 10  # seconds for an asker to say what it wants

            def do_GET(self) -> None:
                """Answer /health or /metrics."""
                host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
                if host not in ("127.0.0.1", "localhost"):  # DNS rebinding
                    self._send(403, "text/plain", b"ask as 127.0.0.1 or localhost\n")
                    return
                try:
                    self._answer()
                except (ArchiveError, sqlite3.Error) as error:
                    body = msgspec.json.encode({"healthy": False, "ills": [f"the archive can't be read: {error}"]})
                    self._send(503, "application/json", body)

            def _answer(self) -> None:
                if self.path == "/metrics":
                    self._send(200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(registry))
                elif self.path == "/health":
                    now = look()
                    wrong = troubles() + ills(now)
                    body = msgspec.json.encode({"healthy": not wrong, "ills": wrong, "at": now.at})
                    self._send(503 if wrong else 200, "application/json", body)
                else:
                    self._send(404, "text/plain", b"/health or /metrics\n")

            def _send(self, code: int, kind: str, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("X-Content-Type-Options", "nosniff")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Stay silent: scrapes are not news."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise WatchError(f"port {port} of 127.0.0.1 can't be served: {error.strerror}", remedy=_REMEDY) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        """The port that it really listens on."""
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
