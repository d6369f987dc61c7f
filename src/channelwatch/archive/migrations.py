"""The schema, as numbered steps; each step runs in a transaction of its own and is never changed once released.

Plain text, foreign keys, UTC ISO 8601 times: Datasette and the sqlite-utils command open the file as it is.

What is easy to get wrong:

* ``posts.id`` is ``unix_seconds << 20 | n`` (a full second takes the next free id), so that a time filter is a
  rowid range; ``date`` is the truth, the range only a candidate.
* ``revisions.text`` is NULL for the newest revision of a post: its text is ``posts.text`` (a text is kept once).
  ``readable_revisions`` hides that. Its ``last_seen`` is likewise ``posts.last_seen`` until it is superseded.
* ``ranges`` is the ledger of what is *not* a stored post: ``open`` (a hole), ``empty`` (certified), ``quarantined``,
  ``purged``. Over ids in (start, mark]: stored + open + empty + quarantined + purged = mark − start.
* ``posts_fts`` indexes the analyser's words (``text.words.index_words``), not the raw text; its content is the view
  ``posts_text``. A row that changes must first be deleted from the index with its *old* words.
"""

from sqlite_utils import Database, Migrations

migrations = Migrations("channelwatch")

_FIRST = (
    """
    CREATE TABLE channels (
        id INTEGER PRIMARY KEY,             -- Telegram's bare channel id
        access_hash INTEGER NOT NULL,
        name TEXT,                          -- public username now, without @
        title TEXT NOT NULL,
        alias TEXT,
        home TEXT NOT NULL DEFAULT '[]',    -- JSON list of region codes
        tags TEXT NOT NULL DEFAULT '[]',    -- JSON list
        source_group TEXT,
        state TEXT NOT NULL DEFAULT 'active', -- active, removed, gone, imported
        joined INTEGER NOT NULL DEFAULT 0,
        start INTEGER,                      -- the promise covers ids above it; NULL = never watched
        mark INTEGER,                       -- everything at or below is accounted for
        top INTEGER,                        -- newest id that Telegram has told us of
        dirty INTEGER NOT NULL DEFAULT 1,   -- something above the mark may be waiting
        next_sweep TEXT,                    -- when it is next due
        last_sweep TEXT,                    -- when a sweep last succeeded
        added_at TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX channels_name ON channels (name COLLATE NOCASE) WHERE name IS NOT NULL AND state = 'active'",
    """
    CREATE TABLE channel_names (
        channel_id INTEGER NOT NULL REFERENCES channels(id),
        name TEXT,
        title TEXT NOT NULL,
        since TEXT NOT NULL,
        until TEXT,                         -- NULL = still so
        PRIMARY KEY (channel_id, since)
    )
    """,
    """
    CREATE TABLE merged_channels (          -- imported under a name; Telegram told us the channel's id later
        old_id INTEGER PRIMARY KEY,         -- what the revisions of its posts were hashed with
        channel_id INTEGER NOT NULL REFERENCES channels(id),
        merged_at TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE posts (
        id INTEGER PRIMARY KEY,             -- unix_seconds << 20 | n
        channel_id INTEGER NOT NULL REFERENCES channels(id),
        message_id INTEGER NOT NULL,
        date TEXT NOT NULL,
        text TEXT NOT NULL,
        kind TEXT NOT NULL DEFAULT 'message',
        edited TEXT,
        views INTEGER,
        forwards INTEGER,
        replies INTEGER,
        reactions TEXT,                     -- JSON object
        forward_channel_id INTEGER,
        forward_message_id INTEGER,
        forward_name TEXT,
        forward_date TEXT,
        reply_to INTEGER,
        album INTEGER,
        media TEXT,
        media_id INTEGER,
        entities TEXT,                      -- JSON list
        author TEXT,
        revision INTEGER NOT NULL DEFAULT 1, -- number of the newest revision
        came TEXT NOT NULL,                 -- push, sweep, hole, backfill, import
        stored_at TEXT NOT NULL,
        last_seen TEXT NOT NULL,            -- last seen alive
        missing_since TEXT,                 -- first found missing; deleted between last_seen and this
        UNIQUE (channel_id, message_id)
    )
    """,
    "CREATE INDEX posts_album ON posts (channel_id, album) WHERE album IS NOT NULL",
    """
    CREATE TABLE revisions (
        id INTEGER PRIMARY KEY,             -- the order of the chain
        post_id INTEGER NOT NULL REFERENCES posts(id),
        number INTEGER NOT NULL,            -- 1 = as first seen
        text TEXT,                          -- NULL = the newest one, see posts.text
        raw BLOB,                           -- the message's TL bytes, zlib
        hash TEXT NOT NULL,                 -- SHA-256 over the hash before it and this revision
        came TEXT NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        UNIQUE (post_id, number)
    )
    """,
    """
    CREATE TABLE ranges (
        id INTEGER PRIMARY KEY,
        channel_id INTEGER NOT NULL REFERENCES channels(id),
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        state TEXT NOT NULL,                -- open, empty, quarantined, purged
        asks INTEGER NOT NULL DEFAULT 0,
        next_ask TEXT,
        error TEXT,
        since TEXT NOT NULL,
        CHECK (first <= last)
    )
    """,
    "CREATE INDEX ranges_channel ON ranges (channel_id, state, first)",
    "CREATE UNIQUE INDEX ranges_place ON ranges (channel_id, first)",  # ranges of a channel never overlap
    "CREATE INDEX ranges_due ON ranges (next_ask) WHERE state = 'open'",
    """
    CREATE TABLE backfills (
        channel_id INTEGER PRIMARY KEY REFERENCES channels(id),
        above INTEGER NOT NULL,             -- = channels.start: ids at or below it belong here
        reached INTEGER NOT NULL,           -- everything in [reached, above] was read once
        posts INTEGER NOT NULL DEFAULT 0,
        until TEXT NOT NULL,                -- not older than this
        most INTEGER NOT NULL,
        finished_at TEXT
    )
    """,
    "CREATE TABLE pauses (method TEXT PRIMARY KEY, until TEXT NOT NULL, reason TEXT NOT NULL)",
    """
    CREATE TABLE rules (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        query TEXT NOT NULL,
        severity TEXT NOT NULL,
        policy TEXT NOT NULL,               -- JSON: outlets, channels, max_age
        since TEXT NOT NULL,
        until TEXT,                         -- NULL = in force
        UNIQUE (name, version)
    )
    """,
    """
    CREATE TABLE work (                     -- revisions that the filter pass has yet to look at
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        post_id INTEGER NOT NULL REFERENCES posts(id),
        revision INTEGER NOT NULL,
        came TEXT NOT NULL,
        queued_at TEXT NOT NULL,
        not_before TEXT,                    -- an album waits for its other parts
        failures INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        UNIQUE (post_id, revision)
    )
    """,
    "CREATE INDEX work_turn ON work (came IN ('backfill', 'import'), id)",  # what may ring goes first
    """
    CREATE TABLE matches (
        id INTEGER PRIMARY KEY,
        rule_id INTEGER NOT NULL REFERENCES rules(id),
        post_id INTEGER NOT NULL REFERENCES posts(id),
        revision INTEGER NOT NULL,
        spans TEXT NOT NULL,                -- JSON list of [start, end, term]
        matched_at TEXT NOT NULL,
        UNIQUE (rule_id, post_id, revision)
    )
    """,
    "CREATE INDEX matches_post ON matches (post_id)",
    """
    CREATE TABLE mentions (
        id INTEGER PRIMARY KEY,
        post_id INTEGER NOT NULL REFERENCES posts(id),
        revision INTEGER NOT NULL,
        start INTEGER NOT NULL,
        end INTEGER NOT NULL,
        text TEXT NOT NULL,
        place TEXT NOT NULL,
        region TEXT NOT NULL,               -- ISO 3166-2
        lat REAL,
        lon REAL,
        strength TEXT NOT NULL,
        reasons TEXT NOT NULL,              -- JSON list
        UNIQUE (post_id, revision, start, end, region)
    )
    """,
    "CREATE INDEX mentions_region ON mentions (region, post_id)",
    """
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY,
        post_id INTEGER NOT NULL UNIQUE REFERENCES posts(id),
        severity TEXT NOT NULL,
        state TEXT NOT NULL,                -- ringing, quiet (matched but never told)
        reason TEXT NOT NULL,               -- new, edited, late …; quiet: why not
        raised_at TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE alert_matches (
        alert_id INTEGER NOT NULL REFERENCES alerts(id),
        match_id INTEGER NOT NULL REFERENCES matches(id),
        PRIMARY KEY (alert_id, match_id)
    )
    """,
    """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY,
        alert_id INTEGER NOT NULL REFERENCES alerts(id),
        outlet TEXT NOT NULL,
        part INTEGER NOT NULL DEFAULT 1,
        body TEXT NOT NULL,                 -- what is sent, as worded for this outlet
        state TEXT NOT NULL,                -- due, sending, sent, dead, dismissed (dead, and a person has seen to it)
        attempts INTEGER NOT NULL DEFAULT 0,
        ambiguous INTEGER NOT NULL DEFAULT 0, -- attempts whose answer was lost
        next_attempt TEXT,
        lease_until TEXT,
        sent_at TEXT,
        remote_id TEXT,                     -- the message id at the outlet
        error TEXT,
        created_at TEXT NOT NULL,
        UNIQUE (alert_id, outlet, part)     -- the permanent dedupe key
    )
    """,
    "CREATE INDEX deliveries_due ON deliveries (outlet, state, next_attempt)",
    """
    CREATE TABLE outlet_pauses (
        outlet TEXT PRIMARY KEY,
        until TEXT NOT NULL,
        reason TEXT NOT NULL,
        since TEXT NOT NULL,
        refusals INTEGER NOT NULL           -- in a row, for a fault of the outlet; 0 = we were asked to wait
    )
    """,
    """
    CREATE TABLE job_runs (
        job TEXT PRIMARY KEY,
        last_start TEXT,
        last_success TEXT,
        runs INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        error TEXT
    )
    """,
    """
    CREATE TABLE outages (
        id INTEGER PRIMARY KEY,
        what TEXT NOT NULL,                 -- daemon, line
        since TEXT NOT NULL,
        until TEXT,
        reason TEXT NOT NULL
    )
    """,
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE VIEW posts_text AS SELECT id, text AS words FROM posts",
    """
    CREATE VIRTUAL TABLE posts_fts USING fts5 (
        words, content='posts_text', content_rowid='id', tokenize='unicode61 remove_diacritics 0'
    )
    """,
    """
    CREATE VIEW readable_posts AS
    SELECT p.id, p.date, coalesce(c.alias, c.name, c.title) AS channel, p.text, p.edited, p.views, p.forwards,
           p.media, p.kind, p.missing_since,
           CASE WHEN c.name IS NULL THEN 'https://t.me/c/' || c.id || '/' || p.message_id
                ELSE 'https://t.me/' || c.name || '/' || p.message_id END AS url
    FROM posts p JOIN channels c ON c.id = p.channel_id
    """,
    """
    CREATE VIEW readable_revisions AS
    SELECT r.id, r.post_id, r.number, coalesce(r.text, p.text) AS text, r.came, r.first_seen,
           CASE WHEN r.number = p.revision THEN p.last_seen ELSE r.last_seen END AS last_seen, r.hash
    FROM revisions r JOIN posts p ON p.id = r.post_id
    """,
    """
    CREATE VIEW ledger AS
    SELECT c.id AS channel_id, coalesce(c.alias, c.name, c.title) AS channel, c.start, c.mark, c.top,
           (SELECT count(*) FROM posts p
             WHERE p.channel_id = c.id AND p.message_id > c.start AND p.message_id <= c.mark) AS stored,
           coalesce(sum(CASE WHEN r.state = 'empty' THEN r.last - r.first + 1 END), 0) AS certified_empty,
           coalesce(sum(CASE WHEN r.state = 'quarantined' THEN r.last - r.first + 1 END), 0) AS quarantined,
           coalesce(sum(CASE WHEN r.state = 'purged' THEN r.last - r.first + 1 END), 0) AS purged,
           coalesce(sum(CASE WHEN r.state = 'open' THEN r.last - r.first + 1 END), 0) AS open_holes
    FROM channels c LEFT JOIN ranges r ON r.channel_id = c.id AND r.first > c.start
    WHERE c.start IS NOT NULL
    GROUP BY c.id
    """,
)


@migrations()
def first(db: Database) -> None:
    """Lay the whole first schema."""
    for statement in _FIRST:
        db.execute(statement)
