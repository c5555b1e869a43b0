"""NPPES by its monthly dissemination file (V.2): every provider of the country, of which we keep the ones we have."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ingestion.base.errors import SchemaDriftError, UnreadableFileError
from ingestion.base.limits import ExpansionError, Limits
from ingestion.base.storage import Location
from ingestion.bronze.extraction import Extraction, Reject
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.landing import ARCHIVE, REJECTS, LandingFile, landing_file

BLOCK_BYTES = 1 << 20
TAXONOMIES = 15
_MEMBER = re.compile(r"(.*/)?npidata_pfile_\d{8}-(?P<until>\d{8})\.csv", re.IGNORECASE)
# With more bad lines the complete file is considered wrong.
MAX_REJECTS = 1_000
_DATE = re.compile(r"\d{8}")

NUMBER, ENTITY_TYPE = "NPI", "Entity Type Code"
UPDATED, DEACTIVATED, REACTIVATED = "Last Update Date", "NPI Deactivation Date", "NPI Reactivation Date"
ENUMERATED = "Provider Enumeration Date"
STATE = "Provider Business Practice Location Address State Name"
COUNTRY = "Provider Business Practice Location Address Country Code (If outside U.S.)"
TEXTS = {
    "npi": NUMBER,
    "first_name": "Provider First Name",
    "last_name": "Provider Last Name (Legal Name)",
    "organization_name": "Provider Organization Name (Legal Business Name)",
    "credential": "Provider Credential Text",
    "state": STATE,
}


def waiting_bulk(landing: Location, pattern: str) -> list[LandingFile]:
    """Dissemination files that wait below the landing folder, CSV or zip, the oldest data first.

    Args:
        landing: The folder.
        pattern: A glob below the folder.

    Raises:
        SourceUnavailableError: A file cannot be opened.
    """
    found = landing.find(pattern)
    kept = [
        (name, place)
        for name, place in found.items()
        if name.split("/")[0] not in (ARCHIVE, REJECTS) and "fileheader" not in name.lower()
    ]
    # Names end in the last day of the data, whatever the first: a week's file sorts behind the months before it.
    ordered = sorted(kept, key=lambda pair: ((_DATE.findall(pair[0]) or [""])[-1], pair[0]))
    # The registry is public, and so are its names.
    return [landing_file(name, place, (pattern, name)) for name, place in ordered]


@contextmanager
def extract(
    table: TableSpec, file: LandingFile, numbers: Sequence[str], limits: Limits | None = None
) -> Iterator[Extraction]:
    """Stream a dissemination file in bounded memory; rows have the API's columns.

    The file has no words for a taxonomy: ``taxonomy_description`` is null. A deactivated number has status D and
    nothing but its dates.

    Args:
        table: Its declaration.
        file: The CSV, or the zip that CMS ships.
        numbers: NPIs to keep.
        limits: Bounds of the file; None for the defaults.

    Raises:
        UnreadableFileError: The file is no dissemination file, damaged, or still being written.
        SchemaDriftError: A column is missing, or holds what it should not.
    """
    extraction = Extraction(
        batches=iter(()), load_type="incremental", drop_known=True, source_file=file.name, file_sha256=file.sha256
    )
    with ExitStack() as stack:
        extraction.batches = _batches(stack, table, file, numbers, limits or Limits(), extraction)
        yield extraction


def _batches(
    stack: ExitStack,
    table: TableSpec,
    file: LandingFile,
    numbers: Sequence[str],
    limits: Limits,
    extraction: Extraction,
) -> Iterator[pa.RecordBatch]:
    wanted = pa.array(numbers, pa.string())
    found = 0
    try:
        reader = stack.enter_context(_reader(stack.enter_context(_content(file, limits)), extraction))
        for batch in reader:
            kept = batch.filter(pc.is_in(batch.column(NUMBER), wanted))
            if kept.num_rows:
                found += kept.num_rows
                yield _providers(table, file, kept)
    except ExpansionError as error:
        raise UnreadableFileError(
            f"{file.name}: is {error}; nothing of the file was loaded, download it again, or raise the limit"
        ) from None
    except KeyError:
        raise SchemaDriftError(
            f"{file.name}: is not a dissemination file of version 2, or lacks a column of it; download it again"
        ) from None
    # Arrow's own text shows the line.
    except (pa.ArrowInvalid, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UnreadableFileError(
            f"{file.name}: cannot be read to its end ({type(error).__name__}); download it again"
        ) from None
    if not file.is_still():
        raise UnreadableFileError(f"{file.name}: was still being written; run again when it is complete")
    if found < len(numbers):
        extraction.warnings.append(f"{len(numbers) - found} numbers are not in {file.name}")


class _Stream(io.RawIOBase):
    """Blocks as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes, none at the end."""
        while not self._rest and (block := next(self._blocks, b"")):
            self._rest = block
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return taken


@contextmanager
def _content(file: LandingFile, limits: Limits) -> Iterator[IO[bytes] | _Stream]:
    """The CSV, out of its zip where it is in one."""
    with file.open() as stream:
        if not (file.path or file.name).lower().endswith(".zip"):
            yield stream
            return
        with zipfile.ZipFile(stream) as archive:
            members = [name for name in archive.namelist() if _MEMBER.fullmatch(name)]
            if len(members) != 1:
                raise UnreadableFileError(
                    f"{file.name}: holds {len(members)} files npidata_pfile_*.csv; it must be one"
                )
            with archive.open(members[0]) as content:
                blocks = iter(lambda: content.read(BLOCK_BYTES), b"")
                yield _Stream(limits.bounded(blocks, archive.getinfo(members[0]).compress_size))


def _reader(content: IO[bytes] | _Stream, extraction: Extraction) -> csv.CSVStreamingReader:
    def reject(row: csv.InvalidRow) -> str:
        if len(extraction.rejects) + extraction.rows_rejected >= MAX_REJECTS:
            return "error"
        if row.number is None:
            extraction.rows_rejected += 1
        else:
            extraction.rejects.append(
                Reject(row.number, f"has {row.actual_columns} columns, not {row.expected_columns}")
            )
        return "skip"

    columns = [*TEXTS.values(), ENTITY_TYPE, COUNTRY, ENUMERATED, UPDATED, DEACTIVATED, REACTIVATED]
    for number in range(1, TAXONOMIES + 1):
        columns += [_taxonomy(number), _switch(number)]
    return csv.open_csv(
        content,
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=reject),
        convert_options=csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _providers(table: TableSpec, file: LandingFile, rows: pa.RecordBatch) -> pa.RecordBatch:
    values = {name: rows.column(column) for name, column in TEXTS.items()}
    dates = {name: _dates(rows, name, file) for name in (ENUMERATED, UPDATED, DEACTIVATED, REACTIVATED)}
    left = pc.and_(
        pc.is_valid(dates[DEACTIVATED]),
        pc.fill_null(pc.less(dates[REACTIVATED], dates[DEACTIVATED]), fill_value=True),
    )
    code = pa.nulls(rows.num_rows, pa.string())
    for number in range(TAXONOMIES, 0, -1):
        is_primary = pc.fill_null(pc.equal(rows.column(_switch(number)), "Y"), fill_value=False)
        code = pc.if_else(is_primary, rows.column(_taxonomy(number)), code)
    # An address at home may leave the country out.
    home = pc.if_else(pc.is_valid(values["state"]), "US", pa.scalar(None, pa.string()))
    values |= {
        "enumeration_type": pc.binary_join_element_wise("NPI", rows.column(ENTITY_TYPE), "-"),
        "status": pc.if_else(left, "D", "A"),
        "enumeration_date": dates[ENUMERATED],
        "last_updated_date": pc.coalesce(dates[UPDATED], dates[DEACTIVATED]),
        "taxonomy_code": code,
        "taxonomy_description": pa.nulls(rows.num_rows, pa.string()),
        "country": pc.coalesce(rows.column(COUNTRY), home),
        # Nobody was asked: the row's load says how old it is.
        "asked_date": pa.nulls(rows.num_rows, pa.date32()),
    }
    return pa.record_batch([values[name] for name in table.column_names], names=list(table.column_names)).cast(
        source_schema(table)
    )


def _dates(rows: pa.RecordBatch, name: str, file: LandingFile) -> pa.Array:
    try:
        return pc.cast(pc.strptime(rows.column(name), format="%m/%d/%Y", unit="s"), pa.date32())
    except pa.ArrowInvalid:
        raise SchemaDriftError(f"{file.name}: column {name} holds what is no date MM/DD/YYYY; check the file") from None


def _taxonomy(number: int) -> str:
    return f"Healthcare Provider Taxonomy Code_{number}"


def _switch(number: int) -> str:
    return f"Healthcare Provider Primary Taxonomy Switch_{number}"
