"""Planted defects: which rows fail which rule, and what is wrong with them.

A plan is drawn from rows of the history whose course is over, so a defective row has one version, written well
before day 0 (only patients' names are lost and found again later, see ``NameChanges``). Rows of different rules are
disjoint. ``plant`` applies a plan to a table and returns the expected outcome of every row in a lakehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulator.code_sets import UNKNOWN_DIAGNOSIS, UNKNOWN_PROCEDURE
from simulator.columns import Ints, money, replace_rows

DEFECT_SHARE = 0.001  # of an entity's rows, per rule; at least one
KEY_REPEATED = "key_repeated_in_batch"

# The outcome of a bronze row.
CURRENT, EXACT_DUPLICATE, QUARANTINED, REJECTED = 0, 1, 2, 3
Fates = npt.NDArray[np.int8]

# From a table, the positions to damage in it and the same rows' positions in the world (for choices that stay the
# same whatever part of the world the table shows) to new values by column.
Patch = Callable[[pa.Table, Ints, Ints], Mapping[str, Any]]


@dataclass(frozen=True)
class Defect:
    """How a row is damaged, and what becomes of it: its rule warns unless ``fate`` says otherwise."""

    patch: Patch
    fate: int = CURRENT


@dataclass(frozen=True)
class Plan:
    """Positions (in the hospital's world) of an entity's defective rows.

    Attributes:
        rules: rule name to the rows that fail it; references (``..._not_found``) included.
        repeated: rows that get a twin with the same key and other content; both fail ``key_repeated_in_batch``.
        duplicated: rows that are written twice, byte for byte; no defect, but one row too many.
    """

    rules: Mapping[str, Ints]
    repeated: Ints
    duplicated: Ints

    def rows(self) -> Ints:
        """All rows of the plan."""
        return np.concatenate([*self.rules.values(), self.repeated, self.duplicated])


@dataclass(frozen=True)
class Planted:
    """A table with its defects: ``fates`` has one element per row, ``failures`` counts rows by row-level rule."""

    table: pa.Table
    fates: Fates
    failures: Mapping[str, int]

    def current(self) -> pa.Table:
        """The rows that stay valid, once each."""
        return self.table.filter(pa.array(self.fates == CURRENT))


def draw_plan(
    rng: np.random.Generator, eligible: Ints, size: int, rules: Sequence[str], fitting: Mapping[str, Ints] | None = None
) -> Plan:
    """Draw disjoint rows for every rule.

    Args:
        rng: random stream of the entity.
        eligible: positions that may be defective.
        size: rows of the entity, from which the number per rule follows.
        rules: names of the rules, references included.
        fitting: for some rules the part of ``eligible`` that fits (a denied claim for a payment on a denied claim).
    """
    count = max(1, round(size * DEFECT_SHARE))
    drawn: dict[str, Ints] = {}
    for rule, rows in (fitting or {}).items():
        free = without(rows, *drawn.values())
        drawn[rule] = np.sort(rng.choice(free, min(count, len(free)), replace=False))
    rest = [rule for rule in (*rules, "repeated", "duplicated") if rule not in drawn]
    free = without(eligible, *drawn.values())
    # One name is found again on day 2, so there must be a second that stays lost.
    wanted = [max(2, count) if rule == "first_name_missing" else count for rule in rest]
    chosen = np.split(rng.choice(free, sum(wanted), replace=False), np.cumsum(wanted)[:-1])
    drawn |= {rule: np.sort(rows) for rule, rows in zip(rest, chosen, strict=True)}
    return Plan({rule: drawn[rule] for rule in rules}, drawn["repeated"], drawn["duplicated"])


def without(rows: Ints, *others: Ints) -> Ints:
    """The rows that are in none of the others; each list holds a row once."""
    taken = np.concatenate([np.empty(0, dtype=np.int64), *others])
    return np.setdiff1d(rows, taken, assume_unique=True)


def plant(table: pa.Table, rows: Ints, plan: Plan, defects: Mapping[str, Defect], twin: Patch) -> Planted:
    """Apply the part of a plan that concerns the rows of a table; twins and copies are appended at its end.

    Args:
        table: clean rows.
        rows: their positions in the hospital's world, sorted.
        plan: the entity's plan.
        defects: how a row is damaged, by rule.
        twin: what differs in the second row of a repeated key.
    """
    fates = np.zeros(len(rows), dtype=np.int8)
    failures: dict[str, int] = {}
    columns = dict(zip(table.column_names, table.columns, strict=True))
    for rule, planned in plan.rules.items():
        at = _positions(rows, planned)
        if len(at) == 0:
            continue
        for name, values in defects[rule].patch(table, at, rows[at]).items():
            columns[name] = replace_rows(columns[name], at, values)
        fates[at] = defects[rule].fate
        if not rule.endswith("_not_found"):
            failures[rule] = len(at)
    damaged = pa.table(columns)
    repeated, duplicated = _positions(rows, plan.repeated), _positions(rows, plan.duplicated)
    parts = [damaged]
    if len(repeated):
        parts.append(_changed_copy(damaged, repeated, rows[repeated], twin))
        fates[repeated] = QUARANTINED
        failures[KEY_REPEATED] = 2 * len(repeated)
    parts.append(damaged.take(pa.array(duplicated)))
    fates = np.concatenate(
        [fates, np.full(len(repeated), QUARANTINED, np.int8), np.full(len(duplicated), EXACT_DUPLICATE, np.int8)]
    )
    return Planted(pa.concat_tables(parts), fates, failures)


def _positions(rows: Ints, planned: Ints) -> Ints:
    present = planned[np.isin(planned, rows)]
    return np.searchsorted(rows, present)


def _changed_copy(table: pa.Table, at: Ints, world: Ints, change: Patch) -> pa.Table:
    copy = table.take(pa.array(at))
    for name, values in change(table, at, world).items():
        copy = copy.set_column(copy.column_names.index(name), name, pa.array(values, copy.schema.field(name).type))
    return copy


def _cycle(world: Ints, *values: str | float | None) -> list[str | float | None]:
    return [values[row % len(values)] for row in world]


def _set(column: str, *values: str | float | None) -> Patch:
    """Put constants into a column, in turn."""
    return lambda _table, _at, world: {column: _cycle(world, *values)}


def _swap(column: str, one: str, other: str) -> Patch:
    """Another value than the row has."""

    def patch(table: pa.Table, at: Ints, _world: Ints) -> Mapping[str, Any]:
        old = table[column].take(pa.array(at))
        return {column: pc.if_else(pc.equal(old, one), other, one).combine_chunks()}

    return patch


def _lost(column: str, prefix: str) -> Patch:
    """Well-formed references to rows that never existed."""
    return lambda _table, _at, world: {column: [f"{prefix}{row:08d}" for row in world]}


def _earlier(column: str, than: str, days: int, time: str = "") -> Patch:
    """A date some days before the row's other date."""

    def patch(table: pa.Table, at: Ints, _world: Ints) -> Mapping[str, Any]:
        other = table[than].take(pa.array(at)).to_numpy().astype("datetime64[D]")
        text = pa.array(np.datetime_as_string(other - days))
        return {column: pc.binary_join_element_wise(text, time, "")}

    return patch


def _floats(table: pa.Table, column: str, at: Ints) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = np.asarray(table[column].take(pa.array(at)).cast(pa.float64()))
    return values


def _texts(values: npt.NDArray[np.float64]) -> list[str]:
    return [f"{value:.2f}" for value in values]


def patient_defects(names: Sequence[str]) -> tuple[Mapping[str, Defect], Patch]:
    """Damages of a patient row and the twin's difference, for one hospital's column names."""
    key, first, _last, middle, ssn, phone, sex, birth = names[:8]
    return {
        "key_missing": Defect(_set(key, None), REJECTED),
        "first_name_missing": Defect(_set(first, "NULL", None, "  "), QUARANTINED),
        "birth_date_implausible": Defect(_set(birth, None, "1850-03-04", "2199-01-01"), QUARANTINED),
        "sex_not_mapped": Defect(_set(sex, "X9", "n/k")),
        "ssn_malformed": Defect(_set(ssn, "900-12-345", "900121234")),
        "phone_malformed": Defect(_set(phone, "555-0199", "unlisted")),
    }, _swap(middle, "Q", "R")


ENCOUNTER_DEFECTS: Mapping[str, Defect] = {
    "key_missing": Defect(_set("EncounterID", None), REJECTED),
    "encounter_date_out_of_range": Defect(_set("EncounterDate", None, "1850-03-04", "2199-01-01"), QUARANTINED),
    "procedure_code_malformed": Defect(_set("ProcedureCode", "0042", "ABCDE")),
    "modified_before_inserted": Defect(_earlier("ModifiedDate", "InsertedDate", 5, " 09:00:00")),
    "patient_id_not_found": Defect(_lost("PatientID", "HOSP1-9")),
    "provider_id_not_found": Defect(_lost("ProviderID", "PROV9")),
    "department_id_not_found": Defect(_lost("DepartmentID", "DEPT9")),
    "procedure_code_not_found": Defect(_set("ProcedureCode", UNKNOWN_PROCEDURE)),
}
ENCOUNTER_TWIN = _swap("EncounterType", "Outpatient", "Telemedicine")


def _paid_above(table: pa.Table, at: Ints, _world: Ints) -> Mapping[str, Any]:
    return {"PaidAmount": money(np.rint(_floats(table, "Amount", at) * 100).astype(np.int64) + 1_000)}


def _no_charge(_table: pa.Table, _at: Ints, world: Ints) -> Mapping[str, Any]:
    # Without a payment, or the payment would exceed the charge as well.
    return {
        "Amount": _cycle(world, 0.0, -10.0, None),
        "PaidAmount": _cycle(world, None),
        "PaidDate": _cycle(world, None),
    }


def _service_out_of_range(_table: pa.Table, _at: Ints, world: Ints) -> Mapping[str, Any]:
    # Unpaid, or the payment would precede a service in the future.
    return {
        "ServiceDate": _cycle(world, None, "1850-03-04", "2199-01-01"),
        "PaidDate": _cycle(world, None),
        "PaidAmount": _cycle(world, 0.0),
    }


TRANSACTION_DEFECTS: Mapping[str, Defect] = {
    "key_missing": Defect(_set("TransactionID", None), REJECTED),
    "charge_not_positive": Defect(_no_charge),
    "paid_negative": Defect(_set("PaidAmount", -5.0)),
    "paid_above_charge": Defect(_paid_above),
    "service_date_out_of_range": Defect(_service_out_of_range, QUARANTINED),
    "paid_date_out_of_range": Defect(_set("PaidDate", "2199-01-01")),
    "paid_before_service": Defect(_earlier("PaidDate", "ServiceDate", 3)),
    "diagnosis_code_malformed": Defect(_set("ICDCode", "250.00", "E1"), QUARANTINED),
    "procedure_code_malformed": Defect(_set("ProcedureCode", "0042", "ABCDE")),
    "modified_before_inserted": Defect(_earlier("ModifiedDate", "InsertDate", 5, " 09:00:00")),
    "encounter_id_not_found": Defect(_lost("EncounterID", "ENC9")),
    "patient_id_not_found": Defect(_lost("PatientID", "HOSP1-9")),
    "provider_id_not_found": Defect(_lost("ProviderID", "PROV9")),
    "department_id_not_found": Defect(_lost("DeptID", "DEPT9")),
    "procedure_code_not_found": Defect(_set("ProcedureCode", UNKNOWN_PROCEDURE)),
    "diagnosis_code_not_found": Defect(_set("ICDCode", UNKNOWN_DIAGNOSIS)),
}
TRANSACTION_TWIN = _swap("VisitType", "Routine", "Follow-up")


def _no_claim_amount(_table: pa.Table, _at: Ints, world: Ints) -> Mapping[str, Any]:
    nothing = _cycle(world, "0.00")
    parts = dict.fromkeys(("PaidAmount", "Deductible", "Coinsurance", "Copay"), nothing)
    return {"ClaimAmount": nothing, **parts}


def _claim_paid_above(table: pa.Table, at: Ints, _world: Ints) -> Mapping[str, Any]:
    return {"PaidAmount": _texts(_floats(table, "ClaimAmount", at) + 10)}


def _parts_above(table: pa.Table, at: Ints, _world: Ints) -> Mapping[str, Any]:
    return {"Deductible": _texts(_floats(table, "ClaimAmount", at) - _floats(table, "PaidAmount", at) + 5)}


CLAIM_DEFECTS: Mapping[str, Defect] = {
    "key_missing": Defect(_set("ClaimID", None), REJECTED),
    "value_unparseable": Defect(_set("ClaimAmount", "see letter", "1.2.3"), REJECTED),
    "claim_status_unknown": Defect(_set("ClaimStatus", "In limbo", None), QUARANTINED),
    "service_date_out_of_range": Defect(_set("ServiceDate", "1850-03-04", None), QUARANTINED),
    "claim_date_out_of_range": Defect(_set("ClaimDate", "2199-01-01", None), QUARANTINED),
    "claim_before_service": Defect(_earlier("ClaimDate", "ServiceDate", 2)),
    "claim_amount_not_positive": Defect(_no_claim_amount),
    "claim_paid_above_charge": Defect(_claim_paid_above),
    "claim_parts_above_charge": Defect(_parts_above),
    "denied_with_payment": Defect(_set("PaidAmount", "1.00")),
    "transaction_id_not_found": Defect(_lost("TransactionID", "TRANS9")),
    "encounter_id_not_found": Defect(_lost("EncounterID", "ENC9")),
    "patient_id_not_found": Defect(_lost("PatientID", "HOSP1-9")),
    "provider_id_not_found": Defect(_lost("ProviderID", "PROV9")),
    "department_id_not_found": Defect(_lost("DeptID", "DEPT9")),
}
CLAIM_TWIN = _swap("PayorType", "Government", "Private")


def _no_target(table: pa.Table, at: Ints, world: Ints) -> Mapping[str, Any]:
    # Nobody, or the one who owed it before.
    own = table["LineOfBusiness"].take(pa.array(at)).to_pylist()
    return {"ToLineOfBusiness": [None if row % 2 else group for row, group in zip(world, own, strict=True)]}


ADJUSTMENT_DEFECTS: Mapping[str, Defect] = {
    "key_missing": Defect(_set("AdjustmentID", None), REJECTED),
    "adjustment_type_unknown": Defect(_set("AdjustmentType", "Gremlins", None), QUARANTINED),
    "adjustment_amount_missing": Defect(_set("Amount", None), QUARANTINED),
    "post_date_out_of_range": Defect(_set("PostDate", None, "1850-03-04", "2199-01-01"), QUARANTINED),
    "transfer_without_target": Defect(_no_target, QUARANTINED),
    "denial_without_reason": Defect(_set("ReasonCode", None)),
    "transaction_id_not_found": Defect(_lost("TransactionID", "TRANS9")),
    "encounter_id_not_found": Defect(_lost("EncounterID", "ENC9")),
    "patient_id_not_found": Defect(_lost("PatientID", "HOSP1-9")),
    "provider_id_not_found": Defect(_lost("ProviderID", "PROV9")),
    "department_id_not_found": Defect(_lost("DeptID", "DEPT9")),
    "claim_id_not_found": Defect(_lost("ClaimID", "CLAIM9")),
}
ADJUSTMENT_TWIN = _set("ReasonCode", "252")
