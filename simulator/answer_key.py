"""The answer key: what a correct lakehouse must find in the simulated sources.

It assumes that everything was ingested at the end of day 0 and of every day since, each claim file in the order in
which it landed, with the declared overlap of two days. Terms:

``rows[entity][system]``
    ``bronze``: rows of all batches, exact duplicates included. A database row counts once per version that became
    visible (rows that the overlap reads again count nothing); a table loaded in full counts all its rows once per
    day on which its content changed; a claim file counts its rows, a resent file counts nothing.
    ``exact_duplicates``: rows equal to the row of their key that arrived before them, in the same batch or, where a
    full load lands what it landed before, in an earlier one.
    ``rejected`` and ``quarantined``: rows that fail a rule of that severity; all rows of a repeated key count.
    ``quarantined_open``: those among ``quarantined`` that are their key's newest content and got no valid version
    later.
    ``current_valid``: keys with a valid version, judged at its newest valid version; keys deleted from a table that
    loads in full are not current. ``superseded``: bronze minus all the others but ``quarantined_open``.
``defects[entity][system][rule]``
    bronze rows but exact duplicates that fail the row-level rule. Voided charges have Amount 0 and therefore
    count in ``charge_not_positive``.
``orphans[entity][system][rule]``
    current valid rows whose non-null reference is not among the current valid rows of the referenced entity in the
    same hospital (procedures: the procedure file; diagnoses: the ICD API): ``count`` of all and ``planted`` of those
    made on purpose. The rest are cascades: their parent is rejected, quarantined, deleted or not there yet, or their
    procedure code is malformed (a warning only, so the row is looked up).
``ledger[system]``
    over current valid transactions, in dollars: ``charges`` (Amount), ``payments_insurance`` and
    ``payments_patient`` (PaidAmount by AmountType; patient: Co-pay and Self-pay), ``ar`` = charges - payments, and
    ``ar_month_end`` by current rows: charges with ServiceDate <= month end less payments with PaidDate <= month end.
    ``ledger_day_0`` is the same as first loaded; a ledger that never restates closed months reports those values.
    With the adjustments feed, over current valid adjustments as well: ``adjustments`` by ledger event, ``write_offs``
    (those for denials, bad debt, small balances and other reasons), ``refunds``, ``transfers`` (moved from one payer
    group to another, which changes no balance); ``ar`` and ``ar_month_end`` (by PostDate) are less adjustments, plus
    refunds.
``payers[system][payer]``
    ``planted_denial_rate`` and ``planted_payment_lag_days`` (median), and over current valid claims ``denied``,
    ``adjudicated`` (paid, partial or denied), ``pending``; ``median_payment_lag_days`` over the decided claims.
    Over current valid claims also ``median_decision_lag_days`` (from the claim to its decision, of adjudicated ones)
    and ``median_claim_lag_days`` (from service to claim; ``planted_claim_lag_days`` is from the entry of the charge,
    which is 0 to 2 days later).
``denial_reasons[system][payer][reason]``
    only with the adjustments feed: current valid denials by reason code ('' for none), ``count`` and ``amount``, and
    ``planted_share`` of the payer's denials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulator.adjustments import new_versions, visible_adjustments
from simulator.care import INSURED
from simulator.charges import changed_lines, visible_encounters, visible_lines
from simulator.claims import ClaimFile, claim_files
from simulator.code_sets import MALFORMED_REGISTRY_CODE
from simulator.columns import Ints
from simulator.day_changes import NAME_FOUND_ON, NAME_LOST_ON
from simulator.defects import EXACT_DUPLICATE, KEY_REPEATED, QUARANTINED, REJECTED, Planted
from simulator.directory import (
    DEPARTMENT_CHANGES,
    MARRIAGE_DAY,
    MARRIED,
    PROVIDER_CHANGES,
    planted_departments,
    planted_procedures,
    planted_providers,
)
from simulator.parameters import HISTORY_START, PAYERS, SELF_PAY, date_of
from simulator.registrations import changed_patients, visible_patients
from simulator.remittance_habits import DENIAL_REASON_SHARES, DENIAL_REASONS, EVENT_TYPES, TYPE_WORDS
from simulator.sources import Setting, adjustments_on, current_claims, file_size, planted_transactions

Counts = dict[str, int]
# Column -> referenced entity; the rule is named after the reference.
_REFERENCES: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "providers": [("DeptID", "departments", "department_id_not_found")],
    "encounters": [
        ("PatientID", "patients", "patient_id_not_found"),
        ("ProviderID", "providers", "provider_id_not_found"),
        ("DepartmentID", "departments", "department_id_not_found"),
        ("ProcedureCode", "procedures", "procedure_code_not_found"),
    ],
    "transactions": [
        ("EncounterID", "encounters", "encounter_id_not_found"),
        ("PatientID", "patients", "patient_id_not_found"),
        ("ProviderID", "providers", "provider_id_not_found"),
        ("DeptID", "departments", "department_id_not_found"),
        ("ProcedureCode", "procedures", "procedure_code_not_found"),
        ("ICDCode", "diagnoses", "diagnosis_code_not_found"),
    ],
    "claims": [
        ("TransactionID", "transactions", "transaction_id_not_found"),
        ("EncounterID", "encounters", "encounter_id_not_found"),
        ("PatientID", "patients", "patient_id_not_found"),
        ("ProviderID", "providers", "provider_id_not_found"),
        ("DeptID", "departments", "department_id_not_found"),
    ],
    "adjustments": [
        ("TransactionID", "transactions", "transaction_id_not_found"),
        ("EncounterID", "encounters", "encounter_id_not_found"),
        ("PatientID", "patients", "patient_id_not_found"),
        ("ProviderID", "providers", "provider_id_not_found"),
        ("DeptID", "departments", "department_id_not_found"),
        ("ClaimID", "claims", "claim_id_not_found"),
    ],
}


def answer_key(
    parameters: Mapping[str, Any],
    hospitals: Sequence[tuple[Setting, Mapping[str, Planted]]],
    day: int,
    icd: Sequence[Mapping[str, str]],
    npis: int,
) -> dict[str, Any]:
    """The whole answer key as JSON-ready data; see the module's docstring for its parts.

    Args:
        parameters: what the simulation was asked for.
        hospitals: the hospitals with the tables of their databases on ``day``.
        day: the day reached.
        icd: nodes of the served ICD tree.
        npis: number of registry entries.
    """
    key: dict[str, Any] = {
        "parameters": dict(parameters),
        "as_of_date": date_of(day).isoformat(),
        "rows": {},
        "defects": {},
        "orphans": {},
        "ledger": {},
        "ledger_day_0": {},
        "payers": {},
        **({"denial_reasons": {}} if parameters["remittance"] else {}),
        "late_files": [],
    }
    procedures = planted_procedures()
    categories = sum(node["class_kind"] == "category" for node in icd)
    _put(key, "procedures", "cpt", _batch_counts([procedures]), procedures.failures)
    _put(key, "npi", "npi_registry", _code_counts(npis), {"npi_invalid": 1})
    _put(key, "diagnoses", "icd", _code_counts(categories), {"diagnosis_code_malformed": 1})
    codes = {
        "procedures": procedures.current()["procedure_code"],
        "diagnoses": pa.array(
            [n["code"] for n in icd if n["class_kind"] == "category" and n["code"] != MALFORMED_REGISTRY_CODE]
        ),
    }
    for setting, tables in hospitals:
        _add_hospital(key, setting, tables, day, codes)
    return key


def _add_hospital(
    key: dict[str, Any], setting: Setting, tables: Mapping[str, Planted], day: int, codes: Mapping[str, Any]
) -> None:
    system = setting.hospital.habits.system
    files = [file for file in claim_files(setting.hospital, day) if file.lands_on <= day]
    claims = current_claims(setting, day)

    departments = [planted_departments(d) for d in DEPARTMENT_CHANGES if d <= day]
    _put(key, "departments", system, *_full_loads(departments, {}))
    providers = [planted_providers(setting.hospital, d) for d in PROVIDER_CHANGES if d <= day]
    married = {"npi_invalid": int(setting.hospital.providers.invalid[MARRIED])} if day >= MARRIAGE_DAY else {}
    _put(key, "providers", system, *_full_loads(providers, married))
    versions = _new_versions(setting, day)
    for entity in versions:
        _put(key, entity, system, *_incremental(entity, setting, tables[entity], versions[entity], day))
    _put(key, "claims", system, *_claim_counts(setting, files, claims))

    current = {entity: planted.current() for entity, planted in tables.items()} | {"claims": claims.current()}
    parents = {entity: table.column(0) for entity, table in current.items()} | dict(codes)
    if day >= NAME_LOST_ON:
        # The bad version is quarantined; the good one before it stays current.
        lost = [f"HOSP1-{at + 1:06d}" for at in setting.story.name_lost]
        parents["patients"] = pa.chunked_array([*parents["patients"].chunks, pa.array(lost)])
    for entity in [name for name in _REFERENCES if name in key["rows"]]:
        key["orphans"].setdefault(entity, {})[system] = _orphans(entity, current[entity], parents, setting)

    key["ledger"][system] = _ledger(current["transactions"], day, _events(setting, current["adjustments"]))
    first = current["transactions"] if day == 0 else planted_transactions(setting, 0).current()
    key["ledger_day_0"][system] = _ledger(first, 0, _events(setting, adjustments_on(setting, 0).current()))
    key["payers"][system] = _payers(setting, current["claims"], day)
    if setting.feed is not None:
        key["denial_reasons"][system] = _denial_reasons(current["adjustments"])
    key["late_files"] += [
        {"file": file.name, "lands_on": date_of(file.lands_on).isoformat()}
        for file in files
        if file.lands_on > file.day
    ]


def _put(key: dict[str, Any], entity: str, system: str, counts: Counts, failures: Mapping[str, int]) -> None:
    key["rows"].setdefault(entity, {})[system] = counts
    key["defects"].setdefault(entity, {})[system] = dict(sorted(failures.items()))


def _counts(bronze: int, duplicates: int, rejected: int, quarantined: int, still_open: int, current: int) -> Counts:
    return {
        "bronze": bronze,
        "exact_duplicates": duplicates,
        "rejected": rejected,
        "quarantined": quarantined,
        "quarantined_open": still_open,
        "superseded": bronze - duplicates - rejected - quarantined - current,
        "current_valid": current,
    }


def _fate(planted: Planted, fate: int) -> int:
    return int((planted.fates == fate).sum())


def _code_counts(size: int) -> Counts:
    """Codes of an API, one of which is quarantined."""
    return _counts(size, 0, 0, 1, 1, size - 1)


def _batch_counts(batches: Sequence[Planted]) -> Counts:
    """Full loads, one after the other: what a batch repeats of the one before it is a duplicate there."""
    first = batches[0]
    duplicates, quarantined = _fate(first, EXACT_DUPLICATE), _fate(first, QUARANTINED)
    for before, batch in pairwise(batches):
        # Rows without a key repeat nothing, and the rows of a repeated key follow each other, not themselves.
        judged_again = _fate(batch, REJECTED) + batch.failures[KEY_REPEATED]
        changed = len(_rows(batch) - _rows(before))
        duplicates += batch.table.num_rows - judged_again - changed
        quarantined += batch.failures[KEY_REPEATED]
    return _counts(
        sum(b.table.num_rows for b in batches),
        duplicates,
        sum(_fate(b, REJECTED) for b in batches),
        quarantined,
        _fate(batches[-1], QUARANTINED),
        batches[-1].current().num_rows,
    )


def _rows(batch: Planted) -> set[tuple[Any, ...]]:
    return set(zip(*batch.table.to_pydict().values(), strict=True))


def _full_loads(batches: Sequence[Planted], failures_of_changed: Mapping[str, int]) -> tuple[Counts, Counts]:
    failures: Counts = {**batches[0].failures}
    for rule in ("key_missing", KEY_REPEATED):
        failures[rule] = sum(batch.failures[rule] for batch in batches)
    for rule, count in failures_of_changed.items():
        failures[rule] += count
    return _batch_counts(batches), failures


def _new_versions(setting: Setting, day: int) -> Counts:
    """Versions that became visible after day 0, by entity."""
    hospital, story, feed = setting.hospital, setting.story, setting.feed
    counts = {"patients": 0, "encounters": 0, "transactions": 0}
    if feed is not None:
        counts["adjustments"] = new_versions(feed, story.changes, day)
    for d in range(1, day + 1):
        visits = hospital.encounters.commit_day == d
        visits[story.changes.on(d).encounters()] = True
        counts["patients"] += int(changed_patients(hospital, story, d).sum())
        counts["encounters"] += int(visits.sum())
        counts["transactions"] += int(changed_lines(hospital, story.changes, d).sum())
    return counts


def _incremental(
    entity: str, setting: Setting, planted: Planted, new_versions: int, day: int
) -> tuple[Counts, Mapping[str, int]]:
    extras = planted.table.num_rows - len(_visible(entity, setting, day))
    bronze = len(_visible(entity, setting, 0)) + extras + new_versions
    current, quarantined = planted.current().num_rows, _fate(planted, QUARANTINED)
    still_open, failures = quarantined, dict(planted.failures)
    if entity == "patients":
        current += len(setting.story.name_lost) * (day >= NAME_LOST_ON)
        found = len(setting.story.name_found) * (day >= NAME_FOUND_ON)
        quarantined += found
        failures["first_name_missing"] += found
    if entity == "transactions":
        failures["charge_not_positive"] += sum(len(c.voided_lines) for c in setting.story.changes.until(day))
    counts = _counts(
        bronze, _fate(planted, EXACT_DUPLICATE), _fate(planted, REJECTED), quarantined, still_open, current
    )
    return counts, failures


def _visible(entity: str, setting: Setting, day: int) -> Ints:
    if entity == "adjustments" and setting.feed is not None:
        return visible_adjustments(setting.feed, setting.story.changes, day)
    visible = {"patients": visible_patients, "encounters": visible_encounters, "transactions": visible_lines}[entity]
    return visible(setting.hospital, day)


def _claim_counts(setting: Setting, files: Sequence[ClaimFile], claims: Planted) -> tuple[Counts, Mapping[str, int]]:
    bronze = sum(file_size(setting, file) for file in files)
    quarantined = _fate(claims, QUARANTINED)
    counts = _counts(
        bronze,
        _fate(claims, EXACT_DUPLICATE),
        _fate(claims, REJECTED),
        quarantined,
        quarantined,
        claims.current().num_rows,
    )
    return counts, claims.failures


def _orphans(entity: str, table: pa.Table, parents: Mapping[str, Any], setting: Setting) -> dict[str, Counts]:
    plans = {
        "encounters": setting.story.encounters,
        "transactions": setting.story.lines,
        "claims": setting.story.claims,
    }
    if setting.feed is not None:
        plans["adjustments"] = setting.feed.plan
    found = {}
    for column, parent, rule in _REFERENCES[entity]:
        known = pc.or_kleene(pc.is_in(table[column], parents[parent]), pc.is_null(table[column]))
        planted = len(plans[entity].rules[rule]) if entity in plans else 1
        found[rule] = {"count": table.num_rows - pc.sum(known).as_py(), "planted": planted}
    return found


def _cents(column: pa.ChunkedArray) -> Ints:
    cents: Ints = np.rint(pc.fill_null(column, 0.0).to_numpy() * 100).astype(np.int64)
    return cents


def _dollars(cents: int) -> str:
    return str(Decimal(int(cents)).scaleb(-2))


@dataclass(frozen=True)
class _Events:
    """Adjustments as ledger events: cents and post date, by event type; nothing without the feed."""

    types: Sequence[str]
    event: Ints
    cents: Ints
    post_date: npt.NDArray[np.datetime64]

    def total(self, *types: str, until: np.datetime64 | None = None) -> int:
        """Cents posted as one of the types."""
        wanted = np.isin(self.event, [at for at, name in enumerate(self.types) if name in types])
        if until is not None:
            wanted &= self.post_date <= until
        return int(self.cents[wanted].sum())


def _events(setting: Setting, adjustments: pa.Table) -> _Events:
    types = sorted(set(EVENT_TYPES))
    event_of = dict(zip(TYPE_WORDS[setting.hospital.habits.system], map(types.index, EVENT_TYPES), strict=True))
    event = np.array([event_of[word] for word in adjustments["AdjustmentType"].to_pylist()], dtype=np.int64)
    post_date = pc.cast(adjustments["PostDate"], pa.date32()).to_numpy()
    return _Events(types, event, _cents(adjustments["Amount"]), post_date)


def _denial_reasons(adjustments: pa.Table) -> dict[str, dict[str, dict[str, Any]]]:
    notices = adjustments.filter(pc.is_in(pc.utf8_lower(adjustments["AdjustmentType"]), pa.array(["denial", "denied"])))
    cents, reasons = _cents(notices["Amount"]), pc.fill_null(notices["ReasonCode"], "").to_numpy()
    payers = notices["PayorID"].to_numpy()
    result: dict[str, dict[str, dict[str, Any]]] = {}
    for payer, shares in zip(PAYERS, DENIAL_REASON_SHARES, strict=True):
        if payer == SELF_PAY:
            continue
        planted = dict(zip(DENIAL_REASONS, shares, strict=True)) | {"": 0.0}
        of_reason = {reason: (payers == payer) & (reasons == reason) for reason in planted}
        result[payer] = {
            reason: {
                "planted_share": share,
                "count": int(of_reason[reason].sum()),
                "amount": _dollars(cents[of_reason[reason]].sum()),
            }
            for reason, share in planted.items()
        }
    return result


def _ledger(transactions: pa.Table, day: int, events: _Events) -> dict[str, Any]:
    amount, paid = _cents(transactions["Amount"]), _cents(transactions["PaidAmount"])
    by_patient = pc.is_in(transactions["AmountType"], pa.array(["Co-pay", "Self-pay"])).to_numpy()
    service = pc.cast(transactions["ServiceDate"], pa.date32()).to_numpy()
    paid_on = pc.fill_null(pc.cast(transactions["PaidDate"], pa.date32()), date_of(100_000)).to_numpy()
    today = np.datetime64(date_of(day).isoformat())
    # A payment on a day that is yet to come is posted when it became known.
    known_on = pc.cast(transactions["ModifiedDate"], pa.timestamp("s")).to_numpy().astype("datetime64[D]")
    paid_on = np.where((paid_on > today) & (paid > 0), known_on, paid_on)
    months = np.arange(np.datetime64(HISTORY_START.isoformat(), "M"), (today + 1).astype("datetime64[M]"))
    month_ends = [(month + 1).astype("datetime64[D]") - 1 for month in months]
    taken = [name for name in events.types if name.startswith("ADJ_")]
    balances = {
        str(t): amount[service <= t].sum()
        - paid[paid_on <= t].sum()
        - events.total(*taken, until=t)
        + events.total("REFUND", until=t)
        for t in month_ends
    }
    balance = amount.sum() - paid.sum() - events.total(*taken) + events.total("REFUND")
    of_feed = {
        "adjustments": {name: _dollars(events.total(name)) for name in taken},
        "write_offs": _dollars(events.total("ADJ_DENIAL", "ADJ_BAD_DEBT", "ADJ_SMALL_BALANCE", "ADJ_OTHER")),
        "refunds": _dollars(events.total("REFUND")),
        "transfers": _dollars(events.total("TRANSFER")),
    }
    return {
        "charges": _dollars(amount.sum()),
        "payments_insurance": _dollars(paid[~by_patient].sum()),
        "payments_patient": _dollars(paid[by_patient].sum()),
        **(of_feed if len(events.event) else {}),
        "ar": _dollars(balance),
        "ar_month_end": {end: _dollars(balance) for end, balance in balances.items()},
    }


def _median_days(claims: pa.Table, first: str, then: str) -> float | None:
    """Median of the days between two dates of claims; dates may carry a time."""
    days = [claims[name].cast(pa.timestamp("s")).to_numpy().astype("datetime64[D]") for name in (first, then)]
    return float(np.median((days[1] - days[0]).astype(np.int64))) if claims.num_rows else None


def _payers(setting: Setting, claims: pa.Table, day: int) -> dict[str, dict[str, Any]]:
    lines, habits = setting.hospital.lines, setting.hospital.habits
    pending, paid, partial, denied = habits.status_words
    decided = (lines.kind == INSURED) & (lines.decision_day <= day)
    result: dict[str, dict[str, Any]] = {}
    for at, payer in enumerate(PAYERS):
        if payer == SELF_PAY:
            continue
        of_claims = claims.filter(pc.equal(claims["PayorID"], payer))
        count = {item["values"]: item["counts"] for item in pc.value_counts(of_claims["ClaimStatus"]).to_pylist()}
        of_payer = decided & (lines.payer == at)
        waited = (lines.decision_day - lines.claim_day)[of_payer]
        result[payer] = {
            "planted_denial_rate": habits.payers[at].denial_rate,
            "denied": count.get(denied, 0),
            "adjudicated": count.get(denied, 0) + count.get(paid, 0) + count.get(partial, 0),
            "pending": count.get(pending, 0),
            "planted_payment_lag_days": habits.payers[at].payment_lag,
            "median_payment_lag_days": float(np.median(waited)) if len(waited) else None,
            "median_decision_lag_days": _median_days(
                of_claims.filter(pc.not_equal(of_claims["ClaimStatus"], pending)), "ClaimDate", "ModifiedDate"
            ),
            "planted_claim_lag_days": habits.claim_lag,
            "median_claim_lag_days": _median_days(of_claims, "ServiceDate", "ClaimDate"),
        }
    return result
