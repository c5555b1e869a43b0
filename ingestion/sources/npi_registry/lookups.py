"""NPPES, the national registry of providers (API version 2.1), asked by number and searched."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ingestion.base.errors import SchemaDriftError, SourceUnavailableError
from ingestion.base.limits import Limits
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.http import Clock, JsonClient
from ingestion.sources.npi_registry.numbers import Known
from ingestion.sources.npi_registry.options import RegistryOptions

VERSION = "2.1"
# Rate limit: the registry publishes none; it has accepted five requests a second.
REQUESTS_PER_SECOND = 5.0
WORKERS = 4
CHUNK = 200
# What the registry gives of one search: pages of 200, the last one from here on.
PAGE_ROWS = 200
LARGEST_SKIP = 1000
KEEP = timedelta(days=7)
# A registry that no longer knows more than this share of the active numbers, and at least so many, is itself at fault.
MOST_GONE, FEWEST_GONE = 0.2, 20
ACTIVE, DEACTIVATED = "A", "D"


@contextmanager
def extract(
    table: TableSpec,
    base_url: str,
    numbers: Sequence[str],
    load_type: Literal["full", "incremental"],
    cache: Path | None = None,
    *,
    keep: timedelta = KEEP,
    clock: Clock | None = None,
    known: Mapping[str, Known] | None = None,
    today: date | None = None,
    limits: Limits | None = None,
) -> Iterator[Extraction]:
    """Look up providers by number, then do the searches of ``load.search``; each provider comes once.

    A number that the registry does not know gives no row, unless it was known before: it is inactive from today on.
    An active number that comes back after that is active from today on, too.

    Args:
        table: Its declaration.
        base_url: Address of the API.
        numbers: NPIs with a correct check digit, each once.
        load_type: ``incremental`` drops answers that bronze holds already.
        cache: SQLite file of answers, also of unknown numbers: an interrupted run resumes where it stopped.
        keep: Age at which a cached answer expires.
        clock: Time and waits of the rate limit.
        known: What bronze holds, by number.
        today: Day of the lookups, by default that of UTC.
        limits: Bounds on answers; None for the defaults.

    Raises:
        SourceUnavailableError: No answer after every retry, or every lookup was refused.
    """
    day = today or datetime.now(UTC).date()
    extraction = Extraction(batches=iter(()), load_type=load_type, drop_known=load_type == "incremental")
    with JsonClient(REQUESTS_PER_SECOND, cache, keep, is_good=_is_good, clock=clock, limits=limits) as client:
        extraction.batches = _Registry(table, client, base_url, known or {}, day).providers(numbers, extraction)
        yield extraction


class _Registry:
    def __init__(
        self, table: TableSpec, client: JsonClient, base_url: str, known: Mapping[str, Known], today: date
    ) -> None:
        self._table = table
        self._client = client
        self._base_url = base_url
        self._known = known
        self._today = today
        self._landed: set[str] = set()

    def providers(self, numbers: Sequence[str], extraction: Extraction) -> Iterator[pa.RecordBatch]:
        """Lookups, then searches; fills the extraction's counts and warnings."""
        pool = ThreadPoolExecutor(WORKERS)
        try:
            yield from self._lookups(pool, numbers, extraction)
            for place, search in enumerate(RegistryOptions.of(self._table).search):
                yield from self._search(f"load.search[{place}]", search, extraction)
        finally:
            pool.shutdown(cancel_futures=True)
        extraction.warnings += self._client.warnings

    def _lookups(
        self, pool: ThreadPoolExecutor, numbers: Sequence[str], extraction: Extraction
    ) -> Iterator[pa.RecordBatch]:
        refused = unknown = 0
        gone: list[str] = []
        for start in range(0, len(numbers), CHUNK):
            chunk = numbers[start : start + CHUNK]
            answers = list(pool.map(lambda number: self._ask({"number": number}), chunk))
            refused += sum(1 for answer in answers if _field(answer, "Errors"))
            found = [result for answer in answers for result in _field(answer, "results") or []]
            unknown += len(answers) - len(found)
            gone += [number for number, answer in zip(chunk, answers, strict=True) if self._is_gone(number, answer)]
            yield self._batch([self._asked(_provider(result)) for result in found])
        if refused and refused == len(numbers):
            raise SourceUnavailableError("the registry refused every lookup; check RCM_NPI_URL and the API version")
        extraction.rows_rejected = refused
        if refused:
            extraction.warnings.append(f"the registry refused {refused} lookups")
        if unknown > refused:
            extraction.warnings.append(f"{unknown - refused} numbers are not in the registry")
        asked = sum(1 for number in numbers if number in self._known and self._known[number].is_active)
        if len(gone) >= FEWEST_GONE and len(gone) > MOST_GONE * asked:
            extraction.warnings.append(
                f"{len(gone)} of {asked} active numbers are gone, which is not believed; they stay active, and the "
                "next load asks for them again"
            )
        else:
            yield self._batch([self._deactivated(number) for number in gone])

    def _is_gone(self, number: str, answer: object) -> bool:
        """Whether the registry does not know a number that bronze holds; a refusal says nothing."""
        return number in self._known and not _field(answer, "Errors") and not _field(answer, "results")

    def _asked(self, provider: dict[str, str | None]) -> dict[str, str | None]:
        """An answer with its day: of a number that was inactive, later than what made it so."""
        today, known = self._today.isoformat(), self._known.get(str(provider["npi"]))
        is_back = known is not None and not known.is_active and provider["status"] == ACTIVE
        if is_back and known is not None and known.updated is not None:
            updated = provider["last_updated_date"]
            if updated is None or updated <= known.updated.isoformat():
                provider = {**provider, "last_updated_date": today}
        return {**provider, "asked_date": today}

    def _deactivated(self, number: str) -> dict[str, str | None]:
        """The row of a number without an answer, as the dissemination file has a deactivated one."""
        known = self._known[number]
        since = self._today if known.is_active or known.updated is None else known.updated
        return {
            "npi": number,
            "status": DEACTIVATED,
            "last_updated_date": since.isoformat(),
            "asked_date": self._today.isoformat(),
        }

    def _search(self, label: str, search: Mapping[str, str], extraction: Extraction) -> Iterator[pa.RecordBatch]:
        """Pages until one is empty: the registry may return shorter pages than requested."""
        skip = longest = 0
        while True:
            answer = self._ask({**search, "limit": str(PAGE_ROWS), "skip": str(skip)})
            if _field(answer, "Errors"):
                extraction.warnings.append(f"the registry refused {label} from row {skip}; correct its parameters")
                return
            found = _field(answer, "results") or []
            if not found:
                return
            yield self._batch([_provider(result) for result in found])
            longest = max(longest, len(found))
            if skip == LARGEST_SKIP:
                break
            skip = min(skip + len(found), LARGEST_SKIP)
        if len(found) == longest:
            extraction.warnings.append(
                f"{label} is cut: the registry gives the first {skip + len(found)} providers only; narrow it"
            )

    def _ask(self, query: Mapping[str, str]) -> object:
        return self._client.get(self._base_url, {**query, "version": VERSION})

    def _batch(self, found: list[dict[str, str | None]]) -> pa.RecordBatch:
        """Providers not landed before, as declared."""
        rows = {str(row["npi"]): row for row in found}
        providers = {npi: row for npi, row in rows.items() if npi not in self._landed}
        self._landed.update(providers)
        texts = pa.RecordBatch.from_pylist(
            list(providers.values()), schema=pa.schema([(name, pa.string()) for name in self._table.column_names])
        )
        try:
            return texts.cast(source_schema(self._table))
        except pa.ArrowInvalid:
            raise SchemaDriftError("the registry answered with a date that is none; its format changed") from None


def _is_good(answer: object) -> bool:
    return isinstance(answer, dict) and not answer.get("Errors") and isinstance(answer.get("results"), list)


def _provider(result: dict[str, Any]) -> dict[str, str | None]:
    """One registry answer as a flat row: the primary taxonomy, the location and not the mailing address."""
    if not result.get("number"):
        raise SchemaDriftError("the registry answered with a provider without its number; its format changed")
    basic = result.get("basic") or {}
    taxonomies = result.get("taxonomies") or []
    addresses = result.get("addresses") or []
    taxonomy: dict[str, str] = next((entry for entry in taxonomies if entry.get("primary")), {})
    location: dict[str, str] = next((entry for entry in addresses if entry.get("address_purpose") == "LOCATION"), {})
    return {
        "npi": str(result["number"]),
        "enumeration_type": result.get("enumeration_type"),
        "first_name": basic.get("first_name"),
        "last_name": basic.get("last_name"),
        "organization_name": basic.get("organization_name"),
        "credential": basic.get("credential"),
        "status": basic.get("status"),
        "enumeration_date": basic.get("enumeration_date"),
        "last_updated_date": basic.get("last_updated"),
        "taxonomy_code": taxonomy.get("code"),
        "taxonomy_description": taxonomy.get("desc"),
        "state": location.get("state"),
        "country": location.get("country_code"),
    }


def _field(answer: object, name: str) -> Any:  # noqa: ANN401 - the registry's JSON
    if not isinstance(answer, dict):
        raise SchemaDriftError("the registry's answer is no JSON object; check RCM_NPI_URL")
    return answer.get(name)
