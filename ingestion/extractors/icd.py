"""ICD-10 of one release from the WHO ICD API: a walk from the chapters down to the codes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from ingestion.arrow_types import source_schema
from ingestion.errors import SchemaDriftError, SourceUnavailableError
from ingestion.extraction import Extraction
from ingestion.http import JsonClient, RefusedError, UnauthorizedError
from ingestion.specs import TableSpec

# The last release of ICD-10 itself; later ones are ICD-11.
DEFAULT_RELEASE = "2019"
HEADERS = {"API-Version": "v2", "Accept-Language": "en"}
SCOPE = "icdapi_access"
WORKERS = 8


@dataclass(frozen=True)
class Access:
    """Where the API is and who asks; the secret is never shown."""

    base_url: str
    token_url: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Access({self.base_url})"


@dataclass(frozen=True)
class Place:
    """An entry still to be read, and the chapter and block above it, each as ``code title``."""

    url: str
    chapter: str | None = None
    block: str | None = None
    parent_code: str | None = None


@contextmanager
def extract(table: TableSpec, access: Access) -> Iterator[Extraction]:
    """Walk one release, level by level with bounded concurrency, and land its categories.

    The release is the batch's watermark: a release that bronze holds need not be walked again.

    Raises:
        SourceUnavailableError: No access, or no answer after every retry.
        SchemaDriftError: An entry is not what the API documents.
    """
    release = table.load.release or DEFAULT_RELEASE
    with JsonClient() as client:
        yield Extraction(
            batches=_Walk(client, access, table, release).batches(),
            load_type="full",
            drop_known=False,
            watermark_high=release,
        )


class _Walk:
    def __init__(self, client: JsonClient, access: Access, table: TableSpec, release: str) -> None:
        self._client = client
        self._access = access
        self._table = table
        self._release = release
        self._token = ""
        self._lock = threading.Lock()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """One batch per level of the classification that holds categories."""
        base = self._access.base_url.rstrip("/")
        level = [Place(f"{base}/icd/release/10/{self._release}")]
        with ThreadPoolExecutor(WORKERS) as pool:
            while level:
                entries = list(zip(level, pool.map(self._read, (place.url for place in level)), strict=True))
                categories = [_category(place, entry, self._release) for place, entry in entries if _is_category(entry)]
                yield pa.RecordBatch.from_pylist(categories, schema=source_schema(self._table))
                level = [below for place, entry in entries for below in self._below(place, entry)]

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
        token = self._token or self._new_token("")
        try:
            entry = self._client.get(url, headers={**HEADERS, "Authorization": f"Bearer {token}"})
        except UnauthorizedError:
            # A token lasts an hour, a walk may last longer.
            token = self._new_token(token)
            try:
                entry = self._client.get(url, headers={**HEADERS, "Authorization": f"Bearer {token}"})
            except UnauthorizedError:
                raise SourceUnavailableError("the ICD API refuses its own token; check RCM_ICD_URL") from None
        if not isinstance(entry, dict):
            raise SchemaDriftError("the ICD API answered with something other than an entry; check RCM_ICD_URL")
        return entry

    def _new_token(self, refused: str) -> str:
        """A token other than the refused one; threads that were refused together ask once."""
        with self._lock:
            if self._token == refused:
                form = {
                    "grant_type": "client_credentials",
                    "scope": SCOPE,
                    "client_id": self._access.client_id,
                    "client_secret": self._access.client_secret,
                }
                try:
                    answer = self._client.post_form(self._access.token_url, form)
                except RefusedError:
                    answer = None
                token = answer.get("access_token") if isinstance(answer, dict) else None
                if not isinstance(token, str):
                    raise SourceUnavailableError(
                        "the ICD API gave no token; check RCM_ICD_CLIENT_ID and RCM_ICD_CLIENT_SECRET"
                    )
                self._token = token
            return self._token


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
    }


def _title(entry: dict[str, Any]) -> str | None:
    title = entry.get("title")
    return title.get("@value") if isinstance(title, dict) else None
