"""The pages of one list as one batch."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from ingestion.base.errors import SchemaDriftError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.http import JsonClient

REQUESTS_PER_SECOND = 20.0


@contextmanager
def extract(table: TableSpec, address: str, page_rows: int) -> Iterator[Extraction]:
    """Stream a list page by page; retries with backoff and the rate limit are the client's."""
    with JsonClient(REQUESTS_PER_SECOND) as client:
        yield Extraction(batches=_pages(client, table, address, page_rows), load_type="full", drop_known=False)


def _pages(client: JsonClient, table: TableSpec, address: str, page_rows: int) -> Iterator[pa.RecordBatch]:
    page: object = 1
    while page is not None:
        answer = client.get(address, {"page": str(page), "rows": str(page_rows)})
        if not isinstance(answer, dict) or not isinstance(answer.get("codes"), list):
            raise SchemaDriftError("the API answered with something other than a page of codes; check its address")
        yield pa.RecordBatch.from_pylist(answer["codes"], schema=source_schema(table))
        page = answer.get("next")
