"""Kind ``files``: landing CSV read as text, so that no bad value can fail a load."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv as pa_csv

from ingestion.errors import UnreadableFileError
from ingestion.extraction import Extraction
from ingestion.landing import LandingFile
from ingestion.specs import TableSpec, repeated

BLOCK_BYTES = 4 << 20


@contextmanager
def extract(table: TableSpec, file: LandingFile) -> Iterator[Extraction]:
    """Open one CSV file, plain or compressed (``.gz``), with a header in any order; the file closes with the context.

    Every column is text; an empty field is null, a quoted empty one is not.

    Raises:
        UnreadableFileError: Empty, not UTF-8, a declared column missing, a line with too few or too many fields, or
            written to while it was read. The message names the file, and the line where there is one.
    """
    header = _header(file)
    missing = [name for name in table.column_names if name not in header]
    twice = [name for name in repeated(header) if name in table.column_names]
    if missing or twice:
        fault = f"has no column {', '.join(missing)}" if missing else f"has column {', '.join(twice)} twice"
        raise UnreadableFileError(
            f"{file.name}: {fault}; ask the sender for the declared columns, or correct the control table"
        )
    extra = [name for name in header if name not in table.column_names]
    extraction = Extraction(
        batches=iter(()),
        load_type=table.load.mode,
        drop_known=False,
        source_file=file.name,
        file_sha256=file.sha256,
        warnings=[f"{file.name}: column {', '.join(extra)} is not declared and was left out"] if extra else [],
    )
    with pa.input_stream(file.open(), compression=_compression(file)) as stream:
        extraction.batches = _batches(table, file, header, stream)
        yield extraction


def _header(file: LandingFile) -> list[str]:
    try:
        with (
            pa.input_stream(file.open(), compression=_compression(file)) as stream,
            io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text,
        ):
            header = next(csv.reader(text), [])
    except UnicodeDecodeError:
        _not_text(file)
    except (OSError, csv.Error) as error:
        raise UnreadableFileError(
            f"{file.name}: cannot be read ({type(error).__name__}); check its permissions and that it arrived whole"
        ) from None
    if not header:
        raise UnreadableFileError(f"{file.name}: is empty; ask the sender for the file, and remove this one")
    return [name.strip() for name in header]


def _batches(table: TableSpec, file: LandingFile, header: list[str], stream: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    malformed: list[pa_csv.InvalidRow] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        malformed.append(row)
        return "error"

    # Positions stand for names while parsing: a header may repeat a name that nobody declared.
    places = [str(index) for index in range(len(header))]
    try:
        reader = pa_csv.open_csv(
            stream,
            # One thread, or a malformed row comes without its number.
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=places, skip_rows_after_names=1
            ),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()),
                include_columns=[str(header.index(name)) for name in table.column_names],
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            yield batch.rename_columns(list(table.column_names))
    except pa.ArrowInvalid as error:
        if malformed:
            row = malformed[0]
            raise UnreadableFileError(
                f"{file.name}: line {row.number} has {row.actual_columns} fields where the header has "
                f"{row.expected_columns}; nothing of the file was loaded, correct the line and drop the file again"
            ) from None
        if "UTF8" in str(error):
            _not_text(file)
        if "Empty CSV" not in str(error):
            raise UnreadableFileError(
                f"{file.name}: is not a readable CSV file; ask the sender for comma-separated UTF-8 text"
            ) from None
    if not file.is_still():
        raise UnreadableFileError(f"{file.name}: was written to while it was read; run again when it is complete")


def _compression(file: LandingFile) -> str | None:
    return "gzip" if file.name.endswith(".gz") else None


def _not_text(file: LandingFile) -> NoReturn:
    raise UnreadableFileError(
        f"{file.name}: is not UTF-8 text; ask the sender for UTF-8, nothing of the file was loaded"
    ) from None
