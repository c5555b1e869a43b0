"""A cache of API answers in a local file, so that a killed run resumes where it stopped."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from requests_cache import CachedSession

LOCK_SECONDS = 5.0


def open_cache(file: Path, keep: timedelta | None, is_good: Callable[[object], bool]) -> "CachedSession | None":
    """A session that takes good answers from the cache file, by URL and query.

    Only good answers are cached: status 200, complete JSON, and accepted by the caller. The headers of a request are
    not part of the cache key, and its credentials are not stored. A damaged file is deleted and created again.

    Args:
        file: SQLite file; its folder is made.
        keep: Age at which an answer expires; None keeps it without expiry.
        is_good: Whether parsed JSON is an answer that may be given again, and not an error with status 200.

    Returns:
        None if the file cannot be written: the caller works without a cache.
    """
    # Half a second, for those who need it.
    from requests_cache import NEVER_EXPIRE, CachedSession
    from requests_cache.backends.sqlite import SQLiteCache

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            _check(file)
        except sqlite3.OperationalError:
            return None
        except sqlite3.DatabaseError:
            for suffix in ("", "-wal", "-shm", "-journal"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
        # Not pickle, which would execute code of a manipulated file.
        answers = SQLiteCache(str(file), serializer="json", wal=True)
        answers.delete(expired=True, vacuum=False)
        return CachedSession(
            backend=answers,
            allowable_methods=("GET",),
            expire_after=NEVER_EXPIRE if keep is None else keep,
            ignored_parameters=("Authorization",),
            filter_fn=lambda response: _is_kept(response, is_good),
        )
    except (OSError, sqlite3.Error):
        return None


def _is_kept(response: requests.Response, is_good: Callable[[object], bool]) -> bool:
    if response.status_code != requests.codes.ok:
        return False
    try:
        return is_good(response.json())
    except (ValueError, RecursionError):
        return False


def _check(file: Path) -> None:
    """Raise OperationalError where the file cannot be written, DatabaseError where it is damaged."""
    with closing(sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
        # requests-cache waits without a limit for a write lock.
        connection.execute("begin immediate")
        if connection.execute("pragma quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        connection.execute("rollback")
