"""NPPES, the national registry of providers (API version 2.1), asked by number."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.arrow_types import source_schema
from ingestion.errors import SchemaDriftError, SourceUnavailableError
from ingestion.extraction import Extraction
from ingestion.http import JsonClient
from ingestion.specs import TableSpec

# The registry publishes no limit; five a second has been polite enough.
REQUESTS_PER_SECOND = 5.0
WORKERS = 4
CHUNK = 200
# An NPI's check digit is Luhn's over the number with the prefix of United States health identifiers.
_PREFIX_SUM = 24


@contextmanager
def extract(
    table: TableSpec, base_url: str, numbers: Sequence[str], load_type: Literal["full", "incremental"]
) -> Iterator[Extraction]:
    """Look up providers by number; a number the registry does not know brings no row.

    Args:
        table: Its declaration.
        base_url: Address of the API.
        numbers: NPIs with a correct check digit, each once.
        load_type: ``incremental`` drops answers that bronze holds already.

    Raises:
        SourceUnavailableError: No answer after every retry, or every lookup was refused.
    """
    extraction = Extraction(batches=iter(()), load_type=load_type, drop_known=load_type == "incremental")
    with JsonClient(REQUESTS_PER_SECOND) as client:
        extraction.batches = _lookups(table, client, base_url, numbers, extraction)
        yield extraction


def valid_numbers(candidates: pa.Array) -> list[str]:
    """Candidates (text) of ten digits, the first 1 or 2, whose check digit fits; sorted, each once."""
    shaped = pc.match_substring_regex(candidates, "^[12][0-9]{9}$")
    distinct = pc.unique(candidates.filter(shaped)).to_pylist()
    if not distinct:
        return []
    digits = np.array(sorted(distinct), dtype="S10").view("S1").reshape(-1, 10).astype(np.int64)
    doubled = digits[:, 0:9:2] * 2
    total = _PREFIX_SUM + (doubled // 10 + doubled % 10).sum(axis=1) + digits[:, 1::2].sum(axis=1)
    return [number for number, valid in zip(sorted(distinct), total % 10 == 0, strict=True) if valid]


def _lookups(
    table: TableSpec, client: JsonClient, base_url: str, numbers: Sequence[str], extraction: Extraction
) -> Iterator[pa.RecordBatch]:
    refused = unknown = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(numbers), CHUNK):
            answers = list(
                pool.map(
                    lambda number: client.get(base_url, {"version": "2.1", "number": number}),
                    numbers[start : start + CHUNK],
                )
            )
            refused += sum(1 for answer in answers if _field(answer, "Errors"))
            providers = [_provider(result) for answer in answers for result in _field(answer, "results") or []]
            unknown += len(answers) - len(providers)
            yield _batch(table, providers)
    if refused and refused == len(numbers):
        raise SourceUnavailableError("the registry refused every lookup; check RCM_NPI_URL and the API version")
    extraction.rows_rejected = refused
    if refused:
        extraction.warnings.append(f"the registry refused {refused} lookups")
    if unknown > refused:
        extraction.warnings.append(f"{unknown - refused} numbers are not in the registry")


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


def _batch(table: TableSpec, providers: list[dict[str, str | None]]) -> pa.RecordBatch:
    texts = pa.RecordBatch.from_pylist(
        providers, schema=pa.schema([(name, pa.string()) for name in table.column_names])
    )
    try:
        return texts.cast(source_schema(table))
    except pa.ArrowInvalid:
        raise SchemaDriftError("the registry answered with a date that is none; its format changed") from None


def _field(answer: object, name: str) -> Any:  # noqa: ANN401 - the registry's JSON
    if not isinstance(answer, dict):
        raise SchemaDriftError("the registry's answer is no JSON object; check RCM_NPI_URL")
    return answer.get(name)
