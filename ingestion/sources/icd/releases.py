"""Releases of ICD-10-CM as CMS publishes them for a fiscal year: one order file each, in the landing folder."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ingestion.base.errors import UnreadableFileError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.landing import LandingFile

# icd10cm_order_2024.txt is that of October 2023, icd10cm-order-April-2025.txt an update within a fiscal year.
_NAME = re.compile(r"icd10cm[-_]order[-_](?:(?P<month>[A-Z][a-z]+)[-_](?:1[-_])?)?(?P<year>20\d\d)\.txt", re.IGNORECASE)
# Order number, code without its dot, 1 if it may be billed, short title, long title.
_LINE = r"^\d{5} [A-Z][0-9A-Z]{2,6} *\s[01] .{60} \S"
_CODE, _FLAG, _TITLE = (6, 13), (14, 15), (77, None)
_OCTOBER = 10
# No character of a line, so that each is one value.
_NOWHERE = "\x1f"


def fiscal_year_end(day: date) -> date:
    """Last day of the fiscal year of the United States that a day lies in: it begins on October 1."""
    return date(day.year + (day.month >= _OCTOBER), 9, 30)


def release_of(file: LandingFile) -> date:
    """Day from which the release in a file is valid, by its name.

    Raises:
        UnreadableFileError: It is not named as CMS names order files.
    """
    found = _NAME.fullmatch(file.name.rpartition("/")[2])
    try:
        if found is None:
            raise ValueError
        if found["month"] is None:
            return date(int(found["year"]) - 1, _OCTOBER, 1)
        return datetime.strptime(f"{found['year']} {found['month']} 1", "%Y %B %d").replace(tzinfo=UTC).date()
    except ValueError:
        raise UnreadableFileError(
            f"{file.name}: does not say which release it is; name it as CMS does, icd10cm_order_2024.txt or "
            "icd10cm-order-April-2025.txt"
        ) from None


@contextmanager
def extract(table: TableSpec, file: LandingFile) -> Iterator[Extraction]:
    """Load the codes of one order file; it names neither chapters nor blocks nor what is above a code.

    Args:
        table: Its declaration.
        file: The order file.

    Raises:
        UnreadableFileError: The file is no order file, or still being written.
    """
    day = release_of(file)
    yield Extraction(
        batches=iter(_codes(table, file, day).to_batches()),
        load_type="incremental",
        drop_known=True,
        watermark_high=day.isoformat(),
        source_file=file.name,
        file_sha256=file.sha256,
    )


def _codes(table: TableSpec, file: LandingFile, day: date) -> pa.Table:
    lines = _lines(file)
    is_code = pc.match_substring_regex(lines, _LINE)
    wrong = pc.index(is_code, value=False).as_py()
    if len(lines) == 0 or wrong >= 0:
        raise UnreadableFileError(f"{file.name}: line {wrong + 1} is no line of CMS's order file; download it again")
    if not file.is_still():
        raise UnreadableFileError(f"{file.name}: was still being written; run again when it is complete")
    bare = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, *_CODE))
    behind = pc.utf8_slice_codeunits(bare, 3)
    dotted = pc.binary_join_element_wise(pc.utf8_slice_codeunits(bare, 0, 3), behind, ".")
    count = len(lines)
    values = {
        "code": pc.if_else(pc.equal(behind, ""), bare, dotted),
        "title": pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, *_TITLE)),
        "class_kind": pa.array(["category"] * count),
        "is_leaf": pc.equal(pc.utf8_slice_codeunits(lines, *_FLAG), "1"),
        "release": pa.array([day.isoformat()] * count),
        "valid_from": pa.array([day] * count),
        "valid_to": pa.array([fiscal_year_end(day)] * count),
    }
    columns = [values.get(name, pa.nulls(count)) for name in table.column_names]
    return pa.table(columns, names=list(table.column_names)).cast(source_schema(table))


def _lines(file: LandingFile) -> pa.Array:
    with file.open() as stream:
        content = stream.read()
    try:
        content.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "latin-1"
    if not content.strip():
        return pa.array([], pa.string())
    read = csv.read_csv(
        BytesIO(content),
        read_options=csv.ReadOptions(column_names=["line"], encoding=encoding),
        parse_options=csv.ParseOptions(delimiter=_NOWHERE, quote_char=False),
        convert_options=csv.ConvertOptions(column_types={"line": pa.string()}, strings_can_be_null=False),
    )
    return read.column("line").combine_chunks()
