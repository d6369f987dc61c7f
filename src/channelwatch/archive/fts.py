"""The full-text index: fed with folded words, refilled and checked by us alone.

`posts_fts` takes its content from the view ``posts_text``, which shows stock readers the plain text. A stock
``rebuild`` would therefore index unfolded words; ours feeds the analyser's words again. A check swaps the view
for one that folds, since SQLite compares the index with what the view shows.
"""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import chain

from channelwatch.errors import ArchiveError
from channelwatch.text.words import FOLD_VERSION, index_words

_ROWS = 500


def feed(connection: sqlite3.Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Add (``posts.id``, words); a whole batch in one statement, for FTS5 writes a segment per statement."""
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        connection.execute(
            f"INSERT INTO posts_fts (rowid, words) VALUES {','.join(['(?,?)'] * len(part))}",
            tuple(chain.from_iterable(part)),
        )


def replace(connection: sqlite3.Connection, rowid: int, old_text: str, new_text: str) -> None:
    """Index another text for a post; the index must be told the old words, it does not keep them."""
    connection.execute(
        "INSERT INTO posts_fts (posts_fts, rowid, words) VALUES ('delete', ?, ?)", (rowid, index_words(old_text))
    )
    feed(connection, [(rowid, index_words(new_text))])


def fold_version(connection: sqlite3.Connection) -> int | None:
    """Return the fold version that the index was filled with, or None for a file that was just made."""
    row = connection.execute("SELECT value FROM settings WHERE name = 'fold_version'").fetchone()
    return None if row is None else int(row[0])


def keep_current(connection: sqlite3.Connection) -> bool:
    """Refill the index if it was filled by another version of the analyser; return whether it had to be."""
    version = fold_version(connection)
    if version == FOLD_VERSION:
        return False
    rebuild(connection)
    return version is not None


def rebuild(connection: sqlite3.Connection, progress: Callable[[int], object] | None = None) -> int:
    """Fill the index anew from ``posts``; return how many posts. `progress` is told the count so far.

    Call it inside a transaction: readers see the old index until the commit. Takes about 0.1 s of CPU per
    1,000 posts.
    """
    connection.execute("INSERT INTO posts_fts (posts_fts) VALUES ('delete-all')")
    count, last = 0, -1
    while rows := connection.execute(
        "SELECT id, text FROM posts WHERE id > ? ORDER BY id LIMIT ?", (last, _ROWS)
    ).fetchall():
        feed(connection, [(rowid, index_words(text)) for rowid, text in rows])
        count, last = count + len(rows), rows[-1][0]
        if progress is not None:
            progress(count)
    connection.execute(
        """
        INSERT INTO settings (name, value) VALUES ('fold_version', ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        (str(FOLD_VERSION),),
    )
    return count


def check(connection: sqlite3.Connection) -> bool:
    """Return whether the index agrees with every post; reads everything, inside a transaction of the writer."""
    connection.create_function("index_words", 1, index_words, deterministic=True)
    connection.execute("SAVEPOINT fts_check")
    connection.execute("PRAGMA trusted_schema = ON")  # lets the view call our function
    try:
        connection.execute("DROP VIEW posts_text")
        connection.execute("CREATE VIEW posts_text AS SELECT id, index_words(text) AS words FROM posts")
        connection.execute("INSERT INTO posts_fts (posts_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        return False
    else:
        return True
    finally:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("ROLLBACK TO fts_check")
        connection.execute("RELEASE fts_check")


def repair(connection: sqlite3.Connection) -> bool:
    """Check the index and refill it when it is wrong; return whether it was. Raises ArchiveError if that fails."""
    if check(connection):
        return False
    rebuild(connection)
    if not check(connection):
        raise ArchiveError("the full-text index can't be repaired", remedy="restore a copy of the archive")
    return True
