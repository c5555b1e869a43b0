"""The transactions and encounters tables as their databases show them on one day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from simulator.care import CO_PAY_LINE, DENIED, INSURED
from simulator.code_sets import diagnosis_codes, procedures
from simulator.columns import Bools, Ints, blank, date_text, id_text, money, timestamp_text, words
from simulator.day_changes import Changes
from simulator.parameters import (
    AMOUNT_TYPES,
    CO_PAY,
    ENCOUNTER_TYPES,
    LINES_OF_BUSINESS,
    NEVER,
    PAYERS,
    VISIT_TYPES,
)
from simulator.people import department_id, patient_id, provider_id
from simulator.world import Hospital

PROCEDURE_CODES = tuple(p.code for p in procedures())


def claim_numbers(hospital: Hospital) -> Ints:
    """Claim number of every line: insured lines are counted from 1; others have 0."""
    insured = hospital.lines.kind == INSURED
    return np.where(insured, np.cumsum(insured), 0)


def payment_day(hospital: Hospital, day: int) -> Ints:
    """Date of a line's last payment known on ``day``, else NEVER. The patient always pays after the payer."""
    lines = hospital.lines
    payer_day = np.where((lines.kind == INSURED) & (lines.outcome != DENIED), lines.decision_day, NEVER)
    paid = np.where(lines.patient_day <= day, lines.patient_day, payer_day)
    return np.where(paid <= day, paid, NEVER)


def visible_lines(hospital: Hospital, day: int) -> Ints:
    """Positions of the lines that the database holds at the end of ``day``."""
    return np.flatnonzero(hospital.lines.commit_day <= day)


def changed_lines(hospital: Hospital, changes: Changes, day: int) -> Bools:
    """Lines of which a new version becomes visible on ``day`` (at most one version a day)."""
    lines = hospital.lines
    payer_pays = (lines.decision_day == day) & (lines.kind == INSURED) & (lines.outcome != DENIED)
    changed: Bools = (lines.commit_day == day) | (lines.claim_day == day) | payer_pays | (lines.patient_day == day)
    changed[changes.on(day).lines()] = True
    return changed


def transaction_table(hospital: Hospital, changes: Changes, day: int, rows: Ints) -> pa.Table:
    """The transactions of the lines at ``rows`` as of the end of ``day``, without planted defects."""
    lines, encounters, habits = hospital.lines, hospital.encounters, hospital.habits
    encounter = lines.encounter[rows]
    visit_kind, provider = encounters.kind[encounter], encounters.provider[encounter]
    payer, kind, amount = lines.payer[rows], lines.kind[rows], lines.amount[rows]
    paid_day = payment_day(hospital, day)[rows]
    by_patient = lines.patient_day[rows] <= day
    paid = np.where(by_patient, lines.paid_at_last[rows], np.where(paid_day < NEVER, lines.payer_paid[rows], 0))
    billed = lines.claim_day[rows] <= day
    modified = np.maximum(lines.entry_day[rows], np.where(billed, lines.claim_day[rows], -NEVER))
    modified = np.maximum(modified, np.where(paid_day < NEVER, paid_day, -NEVER))
    for change in changes.until(day):
        modified[np.searchsorted(rows, change.lines())] = change.day
        corrected = np.searchsorted(rows, change.corrected_lines)
        # Half of what was charged was never delivered; the overpaid half was returned.
        amount[corrected] = (amount[corrected] + 1) // 2
        paid[corrected] = amount[corrected] - lines.adjusted_if_halved[rows[corrected]]
        voided = np.searchsorted(rows, change.voided_lines)
        amount[voided], paid[voided], paid_day[voided] = 0, 0, NEVER
    # A denied line that the patient pays has become the patient's.
    patient_owes = (kind == INSURED) & (lines.outcome[rows] == DENIED) & by_patient
    amount_type = np.where(kind == CO_PAY_LINE, len(AMOUNT_TYPES), np.where(patient_owes, len(AMOUNT_TYPES) - 1, payer))
    member = lines.member_number[rows]
    return pa.table(
        {
            "TransactionID": id_text("TRANS", rows + 1),
            "EncounterID": id_text("ENC", encounter + 1),
            "PatientID": patient_id(encounters.patient[encounter]),
            "ProviderID": provider_id(habits, provider),
            "DeptID": department_id(hospital.providers.department[provider]),
            "VisitDate": date_text(encounters.day[encounter]),
            "ServiceDate": date_text(lines.service_day[rows]),
            "PaidDate": date_text(paid_day),
            "VisitType": words(VISIT_TYPES, visit_kind),
            "Amount": money(amount),
            "AmountType": words((*AMOUNT_TYPES, CO_PAY), amount_type),
            "PaidAmount": money(paid),
            "ClaimID": blank(id_text("CLAIM", claim_numbers(hospital)[rows]), ~billed),
            "PayorID": words(PAYERS, payer),
            "ProcedureCode": words(PROCEDURE_CODES, lines.procedure[rows]),
            "ICDCode": words(diagnosis_codes(), lines.diagnosis[rows]),
            "LineOfBusiness": words(LINES_OF_BUSINESS, payer),
            "MedicaidID": blank(id_text("MEDI", member, 5), payer != PAYERS.index("Medicaid")),
            "MedicareID": blank(id_text("MCARE", member, 5), payer != PAYERS.index("Medicare")),
            "InsertDate": date_text(lines.entry_day[rows]),
            "ModifiedDate": timestamp_text(modified, lines.seconds[rows]),
        }
    )


def visible_encounters(hospital: Hospital, day: int) -> Ints:
    """Positions of the encounters that the database holds at the end of ``day``."""
    return np.flatnonzero(hospital.encounters.commit_day <= day)


def encounter_table(hospital: Hospital, changes: Changes, day: int, rows: Ints) -> pa.Table:
    """The encounters at ``rows`` as of the end of ``day``, without planted defects."""
    encounters, habits = hospital.encounters, hospital.habits
    provider, procedure = encounters.provider[rows], encounters.procedure[rows]
    modified = encounters.day[rows]
    for change in changes.until(day):
        modified[np.searchsorted(rows, change.encounters())] = change.day
        recoded = np.searchsorted(rows, change.recoded_encounters)
        procedure[recoded] = (procedure[recoded] + 1) % len(PROCEDURE_CODES)
    return pa.table(
        {
            "EncounterID": id_text("ENC", rows + 1),
            "PatientID": patient_id(encounters.patient[rows]),
            "EncounterDate": date_text(encounters.day[rows]),
            "EncounterType": words(ENCOUNTER_TYPES, encounters.kind[rows]),
            "ProviderID": provider_id(habits, provider),
            "DepartmentID": department_id(hospital.providers.department[provider]),
            "ProcedureCode": words(PROCEDURE_CODES, procedure),
            "InsertedDate": date_text(encounters.day[rows]),
            "ModifiedDate": timestamp_text(modified, encounters.seconds[rows]),
        }
    )
