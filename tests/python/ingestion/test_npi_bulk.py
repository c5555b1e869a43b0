"""The dissemination file of NPPES: as CSV and as the zip that CMS ships, and what can be wrong with it."""

import csv
import datetime as dt
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.base.errors import IngestionError, SchemaDriftError, UnreadableFileError
from ingestion.base.storage import Location
from ingestion.bronze.extraction import Extraction
from ingestion.declared.arrow_types import source_schema
from ingestion.declared.specs import TableSpec
from ingestion.sources.control_table import load_systems
from ingestion.sources.npi_registry import bulk

PROJECT = Path(__file__).parents[3]
PERSON, ORGANIZATION, LEFT, BACK, ELSEWHERE = "1234567893", "1245319599", "1000000004", "1000000012", "1000000020"
MONTH = "npidata_pfile_20050523-20260308.csv"
WEEK = "npidata_pfile_20260309-20260315.csv"
FIRST = "Provider First Name"
# Some of the three hundred columns that are not read.
OTHERS = ["Replacement NPI", "Is Sole Proprietor", "Certification Date"]
COLUMNS = [
    *bulk.TEXTS.values(),
    bulk.ENTITY_TYPE,
    bulk.COUNTRY,
    bulk.ENUMERATED,
    bulk.UPDATED,
    bulk.DEACTIVATED,
    bulk.REACTIVATED,
    *OTHERS,
    *(
        f"Healthcare Provider {kind}_{number}"
        for number in range(1, 16)
        for kind in ("Taxonomy Code", "Primary Taxonomy Switch")
    ),
]
PROVIDERS = (
    {
        "NPI": PERSON,
        "Entity Type Code": "1",
        FIRST: "ANA",
        "Provider Last Name (Legal Name)": "PRUEBA,\nJR",
        "Provider Credential Text": "M.D.",
        bulk.STATE: "NY",
        bulk.COUNTRY: "US",
        bulk.ENUMERATED: "05/23/2006",
        bulk.UPDATED: "02/29/2020",
        "Healthcare Provider Taxonomy Code_1": "174400000X",
        "Healthcare Provider Primary Taxonomy Switch_1": "N",
        "Healthcare Provider Taxonomy Code_15": "207R00000X",
        "Healthcare Provider Primary Taxonomy Switch_15": "Y",
    },
    {
        "NPI": ORGANIZATION,
        "Entity Type Code": "2",
        "Provider Organization Name (Legal Business Name)": "CLINIC",
        bulk.STATE: "TX",
        bulk.ENUMERATED: "01/02/2010",
        bulk.UPDATED: "03/04/2011",
    },
    {"NPI": LEFT, bulk.DEACTIVATED: "07/01/2019"},
    {
        "NPI": BACK,
        "Entity Type Code": "1",
        bulk.UPDATED: "09/01/2021",
        bulk.DEACTIVATED: "07/01/2019",
        bulk.REACTIVATED: "08/01/2021",
    },
    {"NPI": ELSEWHERE, "Entity Type Code": "1", bulk.UPDATED: "not for us"},
)


PATTERN = "nppes/*"


@pytest.fixture
def table() -> TableSpec:
    systems = load_systems(PROJECT, Path("models/bronze"))
    return next(table for system in systems for table in system.tables if table.load.extractor == "npi_registry")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing" / "nppes"
    folder.mkdir(parents=True)
    return folder


def content(*providers: dict[str, str], columns: list[str] = COLUMNS) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(providers)
    return text.getvalue()


def read(table: TableSpec, landing: Path, *numbers: str) -> tuple[pa.Table, Extraction]:
    [file] = bulk.waiting_bulk(Location(str(landing.parent)), PATTERN)
    with bulk.extract(table, file, numbers) as extraction:
        return pa.Table.from_batches(extraction.batches, schema=source_schema(table)), extraction


@pytest.mark.parametrize("kind", ["csv", "zip"])
def test_our_providers_are_picked_out_with_the_columns_of_the_api(table: TableSpec, landing: Path, kind: str) -> None:
    if kind == "csv":
        (landing / MONTH).write_text(content(*PROVIDERS))
    else:
        with zipfile.ZipFile(
            landing / "NPPES_Data_Dissemination_March_2026_V2.zip", "w", zipfile.ZIP_DEFLATED
        ) as packed:
            packed.writestr("NPPES_Data_Dissemination_Readme_v.2.pdf", b"%PDF")
            packed.writestr(MONTH.replace(".csv", "_fileheader.csv"), content())
            packed.writestr(f"V2/{MONTH}", content(*PROVIDERS))
    rows, extraction = read(table, landing, PERSON, ORGANIZATION, LEFT, BACK, "1999999992")
    nothing = dict.fromkeys(table.column_names)
    assert rows.to_pylist() == [
        nothing
        | {
            "npi": PERSON,
            "enumeration_type": "NPI-1",
            "first_name": "ANA",
            "last_name": "PRUEBA,\nJR",
            "credential": "M.D.",
            "status": "A",
            "enumeration_date": dt.date(2006, 5, 23),
            "last_updated_date": dt.date(2020, 2, 29),
            "taxonomy_code": "207R00000X",
            "state": "NY",
            "country": "US",
        },
        nothing
        | {
            "npi": ORGANIZATION,
            "enumeration_type": "NPI-2",
            "organization_name": "CLINIC",
            "status": "A",
            "enumeration_date": dt.date(2010, 1, 2),
            "last_updated_date": dt.date(2011, 3, 4),
            "state": "TX",
            "country": "US",
        },
        nothing | {"npi": LEFT, "status": "D", "last_updated_date": dt.date(2019, 7, 1)},
        nothing | {"npi": BACK, "enumeration_type": "NPI-1", "status": "A", "last_updated_date": dt.date(2021, 9, 1)},
    ]
    assert (extraction.load_type, extraction.drop_known) == ("incremental", True)
    assert extraction.warnings == [f"1 numbers are not in {extraction.source_file}"]
    assert extraction.file_sha256


def test_files_come_by_the_last_day_of_their_data(landing: Path) -> None:
    older = MONTH.replace("20260308", "20260208")
    for name in (WEEK, MONTH, older, MONTH.replace(".csv", "_fileheader.csv")):
        (landing / name).write_text(content())
    archived = landing.parent / "archive" / MONTH
    archived.parent.mkdir()
    archived.write_text(content())
    found = bulk.waiting_bulk(Location(str(landing.parent)), PATTERN)
    assert [file.name for file in found] == [f"nppes/{name}" for name in (older, MONTH, WEEK)]


def test_a_line_of_another_width_is_a_reject(table: TableSpec, landing: Path) -> None:
    whole = content(*PROVIDERS[1:3])
    (landing / MONTH).write_text(whole.replace(f'"{ORGANIZATION}",', f'"1999999992","one more"\n"{ORGANIZATION}",'))
    rows, extraction = read(table, landing, ORGANIZATION, LEFT)
    assert rows.column("npi").to_pylist() == [ORGANIZATION, LEFT]
    assert len(extraction.rejects) == 1
    assert extraction.rejects[0].reason == f"has 2 columns, not {len(COLUMNS)}"


BAD_DATE = content(dict(PROVIDERS[0]) | {bulk.UPDATED: "2020-02-29"})
WITHOUT_DATE = content(*PROVIDERS, columns=[name for name in COLUMNS if name != bulk.UPDATED])


@pytest.mark.parametrize(
    ("name", "bytes_", "error", "says"),
    [
        (MONTH, BAD_DATE.encode(), SchemaDriftError, "column Last Update Date holds what is no date MM/DD/YYYY"),
        (MONTH, WITHOUT_DATE.encode(), SchemaDriftError, "is not a dissemination file of version 2"),
        (MONTH, b"", UnreadableFileError, "cannot be read to its end"),
        (
            MONTH,
            content(*PROVIDERS).replace("ANA", "\udce1").encode(errors="surrogateescape"),
            UnreadableFileError,
            "end",
        ),
        ("NPPES.zip", b"PK no zip", UnreadableFileError, r"cannot be read to its end \(BadZipFile\)"),
    ],
    ids=["a date of another format", "a column missing", "empty", "no UTF-8", "no zip"],
)
def test_a_file_that_cannot_be_read_is_one_line(
    table: TableSpec, landing: Path, name: str, bytes_: bytes, error: type[IngestionError], says: str
) -> None:
    (landing / name).write_bytes(bytes_)
    with pytest.raises(error, match=says) as caught:
        read(table, landing, PERSON)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)
    assert PERSON not in str(caught.value)
    assert "PRUEBA" not in str(caught.value)


def test_a_zip_that_was_cut_off_or_holds_no_file_of_ours_is_one_line(table: TableSpec, landing: Path) -> None:
    path = landing / "NPPES.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("othername_pfile_20050523-20260308.csv", content())
    with pytest.raises(UnreadableFileError, match="holds 0 files"):
        read(table, landing, PERSON)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(MONTH, content(*PROVIDERS))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"PRUEBA", b"PRUEBB"))
    with pytest.raises(UnreadableFileError, match="cannot be read to its end"):
        read(table, landing, PERSON)


def test_a_file_that_is_still_being_written_is_left(table: TableSpec, landing: Path) -> None:
    path = landing / MONTH
    path.write_text(content(*PROVIDERS))
    [file] = bulk.waiting_bulk(Location(str(landing.parent)), PATTERN)
    with path.open("a") as more:
        more.write(content(*PROVIDERS).split("\n", 1)[1])
    with (
        bulk.extract(table, file, [PERSON]) as extraction,
        pytest.raises(UnreadableFileError, match="still being written"),
    ):
        list(extraction.batches)
