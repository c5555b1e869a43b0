"""Writes single batches to bronze, as ingestion would."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake


def write_departments(
    lakehouse: Path, minute: int, load_type: str, rows: Sequence[tuple[str | None, str | None]]
) -> str:
    """Append one batch of hospital A's departments to bronze, as ingestion would; returns its batch id."""
    ingested_at = datetime.datetime(2024, 1, 1, 0, minute)
    batch_id = f"{ingested_at:%Y%m%dT%H%M%S%f}-hospital_a.departments"
    names = [name for _, name in rows]
    codes = [code for code, _ in rows]
    count = len(rows)
    table = pa.table(
        {
            "DeptID": pa.array(codes, pa.string()),
            "Name": pa.array(names, pa.string()),
            "_batch_id": pa.array([batch_id] * count),
            "_row_number": pa.array(range(1, count + 1), pa.int64()),
            "_load_type": pa.array([load_type] * count),
            "_ingested_at": pa.array([ingested_at] * count, pa.timestamp("us")),
            "_source_file": pa.nulls(count, pa.string()),
            "_row_hash": pa.array([f"{code}|{name}" for code, name in rows]),
            "_unread_columns": pa.nulls(count, pa.string()),
            "_unread": pa.nulls(count, pa.string()),
        }
    )
    write_deltalake(lakehouse / "bronze" / "hospital_a" / "departments", table, mode="append")
    return batch_id


def write_encounters(
    lakehouse: Path, minute: int, load_type: str, rows: Sequence[tuple[str, str, str | None, datetime.datetime | None]]
) -> str:
    """Append one batch of hospital A's encounters: number, type, provider and date of change; returns its batch id."""
    ingested_at = datetime.datetime(2025, 1, 1, 0, minute)
    batch_id = f"{ingested_at:%Y%m%dT%H%M%S%f}-hospital_a.encounters"
    count = len(rows)
    numbers, types, providers, changes = zip(*rows, strict=True)
    table = pa.table(
        {
            "EncounterID": pa.array(numbers, pa.string()),
            "PatientID": pa.array(["P1"] * count),
            "EncounterDate": pa.array([datetime.date(2024, 2, 1)] * count),
            "EncounterType": pa.array(types, pa.string()),
            "ProviderID": pa.array(providers, pa.string()),
            "DepartmentID": pa.nulls(count, pa.string()),
            "ProcedureCode": pa.nulls(count, pa.string()),
            "InsertedDate": pa.nulls(count, pa.timestamp("us")),
            "ModifiedDate": pa.array(changes, pa.timestamp("us")),
            "_batch_id": pa.array([batch_id] * count),
            "_row_number": pa.array(range(1, count + 1), pa.int64()),
            "_load_type": pa.array([load_type] * count),
            "_ingested_at": pa.array([ingested_at] * count, pa.timestamp("us")),
            "_source_file": pa.nulls(count, pa.string()),
            "_row_hash": pa.array([f"{row}" for row in rows]),
            "_unread_columns": pa.nulls(count, pa.string()),
            "_unread": pa.nulls(count, pa.string()),
        }
    )
    write_deltalake(lakehouse / "bronze" / "hospital_a" / "encounters", table, mode="append")
    return batch_id
