"""ICD-10-CM as CMS publishes it, from the package simple-icd-10-cm: no network and no account."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, distribution

import pyarrow as pa

from ingestion.base.errors import SourceUnavailableError
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.icd.releases import fiscal_year_end

PACKAGE = "simple-icd-10-cm"
_TABULAR_FILE = re.compile(r"icd10c-tabular-(?P<month>[A-Z][a-z]+)-(?P<day>\d+)-(?P<year>\d{4})\.xml")


@contextmanager
def extract(table: TableSpec) -> Iterator[Extraction]:
    """Load the categories and codes of the installed table; chapters and blocks become columns.

    The release is the batch's watermark: a release that bronze already has is not read again. Releases stand beside
    each other, so that a code is judged by the one of its day.

    Raises:
        SourceUnavailableError: The package is missing or holds no table.
    """
    yield Extraction(batches=_batches(table), load_type="incremental", drop_known=True, watermark_high=release())


def release() -> str:
    """Day from which the installed table is valid, as ``YYYY-MM-DD``; the table itself is not read.

    Raises:
        SourceUnavailableError: The package is missing or holds no table.
    """
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise SourceUnavailableError(f"{PACKAGE} is not installed; install the project's requirements") from None
    found = (_TABULAR_FILE.fullmatch(file.name) for file in package.files or ())
    dates = [f"{match['year']} {match['month']} {match['day']}" for match in found if match]
    if len(dates) != 1:
        raise SourceUnavailableError(f"{PACKAGE} {package.version} has no known table; install 1.5")
    return datetime.strptime(dates[0], "%Y %B %d").replace(tzinfo=UTC).date().isoformat()


def _batches(table: TableSpec) -> Iterator[pa.RecordBatch]:
    # Parses the whole classification on import, which only this load should pay for.
    import simple_icd_10_cm as icd10_cm

    # In the order of the classification: what stands below a chapter and a block follows them.
    chapter = block = previous = ""
    codes, chapters, blocks = [], [], []
    for code in icd10_cm.get_all_codes(with_dots=True):
        if icd10_cm.is_chapter(code):
            chapter = f"{code} {icd10_cm.get_description(code)}"
        # A block of one category bears its name: the name comes twice, first for the block.
        elif icd10_cm.is_block(code) and code != previous:
            name = f"{code}-{code}" if icd10_cm.is_category(code) else code
            block = f"{name} {icd10_cm.get_description(code, prioritize_blocks=True)}"
        else:
            codes.append(code)
            chapters.append(chapter)
            blocks.append(block)
        previous = code
    day = date.fromisoformat(release())
    parents = [(code, icd10_cm.get_parent(code)) for code in codes]
    columns = {
        "code": codes,
        "title": [icd10_cm.get_description(code) for code in codes],
        "class_kind": ["category"] * len(codes),
        "chapter": chapters,
        "block": blocks,
        "parent_code": [f"{code}-{code}" if parent == code else parent for code, parent in parents],
        "is_leaf": [icd10_cm.is_leaf(code) for code in codes],
        "release": [release()] * len(codes),
        "valid_from": [day] * len(codes),
        "valid_to": [fiscal_year_end(day)] * len(codes),
    }
    yield from pa.table(columns).select(table.column_names).cast(source_schema(table)).to_batches()
