"""One release of ICD-10 from the WHO's API: a depth-first read from the chapters down to the codes."""

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from ingestion.base.errors import SchemaDriftError, SourceUnavailableError
from ingestion.base.limits import Limits
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.http import JsonClient, RefusedError, UnauthorizedError
from ingestion.sources.icd.access import Access
from ingestion.sources.icd.options import IcdOptions

HEADERS = {"API-Version": "v2", "Accept-Language": "en"}
KINDS = ("chapter", "block", "category")
# Concurrent requests, and tokens tried for one of them.
WORKERS = 8
TOKENS_PER_ENTRY = 3
BATCH_ROWS = 500
# A release has some 12,000.
MOST_ENTRIES = 200_000


@dataclass(frozen=True)
class Place:
    """An entry still to be read, and the chapter and block above it, each as ``code title``."""

    url: str
    chapter: str | None = None
    block: str | None = None
    parent_code: str | None = None


@contextmanager
def extract(
    table: TableSpec, access: Access, cache: Path | None = None, limits: Limits | None = None
) -> Iterator[Extraction]:
    """Read one release depth first with bounded concurrency, and load its categories in the order of the release.

    The release is the batch's watermark: a release that bronze already has is not read again.

    Args:
        table: Its declaration; ``load.release`` is the release.
        access: The API.
        cache: SQLite file of entries read before: an interrupted read requests no entry twice. A release does not
            change, so entries never expire.
        limits: Bounds on answers; None for the defaults.

    Raises:
        SourceUnavailableError: No access, or no answer after every retry.
        SchemaDriftError: An entry is not what the API documents.
    """
    release = IcdOptions.of(table).release
    extraction = Extraction(batches=iter(()), load_type="incremental", drop_known=True, watermark_high=release)
    with JsonClient(cache=cache, is_good=is_entry, limits=limits) as client:
        extraction.batches = _Walk(client, access, table, release).batches(extraction)
        yield extraction


class _Walk:
    def __init__(self, client: JsonClient, access: Access, table: TableSpec, release: str) -> None:
        self._client = client
        self._access = access
        self._table = table
        self._release = release
        self._token = ""
        self._lock = threading.Lock()

    def batches(self, extraction: Extraction) -> Iterator[pa.RecordBatch]:
        """Categories, so many a batch."""
        schema = source_schema(self._table)
        walked = self._entries()
        categories = (_category(place, entry, self._release) for place, entry in walked if _is_category(entry))
        with closing(walked):
            while batch := list(islice(categories, BATCH_ROWS)):
                yield pa.RecordBatch.from_pylist(batch, schema=schema)
        extraction.warnings += self._client.warnings

    def _entries(self) -> Generator[tuple[Place, dict[str, Any]], None, None]:
        """Every entry of the release, each before those below it.

        The next entries are requested while one is processed; the others wait as addresses on a stack, which holds the
        siblings on one path through the tree and so stays short.
        """
        pool = ThreadPoolExecutor(WORKERS)
        root = f"{self._access.base_url.rstrip('/')}/icd/release/10/{self._release}"
        waiting = [Place(root)]
        seen = {root}
        answers: dict[str, Future[dict[str, Any]]] = {}
        try:
            while waiting:
                for place in waiting[-WORKERS:]:
                    if place.url not in answers:
                        answers[place.url] = pool.submit(self._read, place.url)
                place = waiting.pop()
                entry = answers.pop(place.url).result()
                yield place, entry
                below = [child for child in self._below(place, entry) if child.url not in seen]
                seen.update(child.url for child in below)
                if len(seen) > MOST_ENTRIES:
                    raise SchemaDriftError(
                        f"the ICD API names more than {MOST_ENTRIES:,} entries of one release; check RCM_ICD_URL"
                    )
                waiting += reversed(below)
        finally:
            pool.shutdown(cancel_futures=True)

    def _below(self, place: Place, entry: dict[str, Any]) -> list[Place]:
        chapter, block, code = place.chapter, place.block, entry.get("code")
        kind = entry.get("classKind")
        if kind == "chapter":
            chapter = f"{code} {_title(entry)}"
        elif kind == "block":
            block = f"{code} {_title(entry)}"
        return [Place(self._own_host(child), chapter, block, code) for child in entry.get("child") or []]

    def _own_host(self, uri: str) -> str:
        """The API names its entries http://id.who.int/...; they are read where this walk reads, over its scheme."""
        return self._access.base_url.rstrip("/") + urlsplit(uri).path

    def _read(self, url: str) -> dict[str, Any]:
        # Without a token: if everything is in the cache, none is needed.
        entry = self._client.kept(url)
        if entry is None:
            entry = self._asked(url)
        if not isinstance(entry, dict) or not is_entry(entry):
            raise SchemaDriftError("the ICD API answered with something other than an entry; check RCM_ICD_URL")
        return entry

    def _asked(self, url: str) -> object:
        refused = ""
        for _ in range(TOKENS_PER_ENTRY):
            token = self._fresh_token(refused)
            try:
                return self._client.get(url, headers={**HEADERS, "Authorization": f"Bearer {token}"})
            except UnauthorizedError:
                # A token is valid for an hour, which may be shorter than the read.
                refused = token
        raise SourceUnavailableError("the ICD API refuses its own tokens; check RCM_ICD_URL")

    def _fresh_token(self, refused: str) -> str:
        """A token other than the refused one; threads that were refused together ask once."""
        with self._lock:
            if self._token in ("", refused):
                try:
                    answer = self._client.post_form(self._access.token_url, self._access.form)
                except RefusedError:
                    answer = None
                token = answer.get("access_token") if isinstance(answer, dict) else None
                if not isinstance(token, str):
                    raise SourceUnavailableError(
                        "the ICD API gave no token; check RCM_ICD_CLIENT_ID and RCM_ICD_CLIENT_SECRET"
                    )
                self._token = token
            return self._token


def is_entry(answer: object) -> bool:
    """Whether an answer is a release, chapter, block or category: any other would silently omit everything below it."""
    if not isinstance(answer, dict) or not isinstance(answer.get("child", []), list):
        return False
    is_release = "classKind" not in answer and bool(answer.get("child"))
    return "title" in answer and (is_release or (answer.get("classKind") in KINDS and bool(answer.get("code"))))


def _is_category(entry: dict[str, Any]) -> bool:
    return entry.get("classKind") == "category"


def _category(place: Place, entry: dict[str, Any], release: str) -> dict[str, str | bool | None]:
    return {
        "code": entry.get("code"),
        "title": _title(entry),
        "class_kind": entry.get("classKind"),
        "chapter": place.chapter,
        "block": place.block,
        "parent_code": place.parent_code,
        "is_leaf": not entry.get("child"),
        "release": release,
        # The WHO does not say on which days a release is used.
        "valid_from": None,
        "valid_to": None,
    }


def _title(entry: dict[str, Any]) -> str | None:
    title = entry.get("title")
    return title.get("@value") if isinstance(title, dict) else None
