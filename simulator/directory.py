"""Small tables that load in full: departments and providers of a hospital, and the procedure file.

Their defects sit in extra rows that nothing refers to; otherwise one nameless department would orphan a twentieth of
all charges. On day 1 a provider marries; on day 2 the last provider and the last department, hardly used before,
disappear.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from simulator.code_sets import procedures
from simulator.columns import Ints, id_text, replace_rows
from simulator.defects import CURRENT, EXACT_DUPLICATE, KEY_REPEATED, QUARANTINED, REJECTED, Planted
from simulator.people import DEPARTMENTS, department_table, npi_check_digit, provider_table
from simulator.world import Hospital

MARRIAGE_DAY = 1
CLOSING_DAY = 2
MARRIED = 1  # position of the provider who marries
# Days on which the content of a directory differs from the day before; day 0 is the first load.
PROVIDER_CHANGES = (0, MARRIAGE_DAY, CLOSING_DAY)
DEPARTMENT_CHANGES = (0, CLOSING_DAY)
_NOBODYS_NPI = 290_000_000  # outside the range of the hospitals' providers


def _with_extras(clean: pa.Table, extras: list[tuple[int, str, dict[str, Any]]], failures: dict[str, int]) -> Planted:
    """Append defective rows, each (fate, rule, row), and a copy of the first clean row."""
    rows = [row for _fate, _rule, row in extras]
    for _fate, rule, _row in extras:
        if rule and not rule.endswith("_not_found"):
            failures[rule] = failures.get(rule, 0) + 1
    table = pa.concat_tables([clean, pa.Table.from_pylist(rows, schema=clean.schema), clean.slice(0, 1)])
    fates = [CURRENT] * clean.num_rows + [fate for fate, _rule, _row in extras] + [EXACT_DUPLICATE]
    return Planted(table, np.array(fates, dtype=np.int8), failures)


def planted_departments(day: int) -> Planted:
    """The departments table on ``day``."""
    clean = department_table(np.arange(DEPARTMENTS - (day >= CLOSING_DAY)))
    return _with_extras(
        clean,
        [
            (REJECTED, "key_missing", {"DeptID": None, "Name": "Unnumbered Wing"}),
            (QUARANTINED, KEY_REPEATED, {"DeptID": "DEPT091", "Name": "Sleep Laboratory"}),
            (QUARANTINED, KEY_REPEATED, {"DeptID": "DEPT091", "Name": "Pain Clinic"}),
            (QUARANTINED, "department_name_missing", {"DeptID": "DEPT092", "Name": None}),
        ],
        {},
    )


def provider_rows(hospital: Hospital, day: int) -> Ints:
    """Positions of the providers still employed on ``day``."""
    return np.arange(hospital.habits.providers - (day >= CLOSING_DAY))


def planted_providers(hospital: Hospital, day: int) -> Planted:
    """The providers table on ``day``."""
    rows = provider_rows(hospital, day)
    clean = provider_table(hospital.habits, hospital.providers, rows)
    if day >= MARRIAGE_DAY:
        married = replace_rows(clean["LastName"], np.array([MARRIED]), ["Newlywed"])
        clean = clean.set_column(clean.column_names.index("LastName"), "LastName", married)
    nine = _NOBODYS_NPI + 10 * hospital.habits.index + np.arange(4)
    npis = id_text("", nine * 10 + npi_check_digit(nine), 10).to_pylist()
    prefix = hospital.habits.provider_prefix
    person = {"FirstName": "Arlen", "LastName": "Ashdown", "Specialization": "Surgery", "DeptID": "DEPT001"}
    extras = [
        (REJECTED, "key_missing", {**person, "ProviderID": None, "NPI": npis[0]}),
        (QUARANTINED, KEY_REPEATED, {**person, "ProviderID": f"{prefix}0901", "NPI": npis[1]}),
        (QUARANTINED, KEY_REPEATED, {**person, "ProviderID": f"{prefix}0901", "NPI": npis[2]}),
        (CURRENT, "department_id_not_found", {**person, "ProviderID": f"{prefix}0902", "NPI": npis[3]}),
    ]
    extras[3][2]["DeptID"] = "DEPT900000000"
    return _with_extras(clean, extras, {"npi_invalid": int(hospital.providers.invalid[rows].sum())})


def planted_procedures() -> Planted:
    """The procedure file, the same on every day."""
    clean = pa.table(
        {
            "procedure_code": [p.code for p in procedures()],
            "code_system": ["CPT"] * len(procedures()),
            "description": [p.description for p in procedures()],
            "category": [p.category for p in procedures()],
        }
    )

    def row(code: str | None, description: str | None) -> dict[str, Any]:
        return {"procedure_code": code, "code_system": "CPT", "description": description, "category": "Evaluation"}

    return _with_extras(
        clean,
        [
            (REJECTED, "key_missing", row(None, "Codeless service")),
            (QUARANTINED, KEY_REPEATED, row("00091", "Twofold service")),
            (QUARANTINED, KEY_REPEATED, row("00091", "Double service")),
            (CURRENT, "procedure_code_malformed", row("0X92", "Misspelt service")),
            (CURRENT, "description_missing", row("00093", None)),
        ],
        {},
    )
