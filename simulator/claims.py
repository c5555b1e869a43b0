"""Claim files: one per month of the history and hospital, then one per day with the claims that changed.

A monthly file holds the claims billed in that month in their state of day 0, so old months are final and recent ones
hold pending claims. The file of a later day holds one row per claim that was billed or decided on that day. Files of
every fifth day arrive two days late; they then deliver older versions after newer ones: beside its own rows
such a file repeats, as pending, the claims that are decided on the following day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.care import INSURED
from simulator.charges import claim_numbers
from simulator.columns import Ints, date_text, id_text, money_text, timestamp_text, words
from simulator.parameters import GOVERNMENT_PAYERS, HISTORY_START, PAYERS, date_of
from simulator.people import department_id, patient_id, provider_id
from simulator.world import Hospital, delivery_day, is_held_back


@dataclass(frozen=True)
class ClaimFile:
    """One claim file: its name below the landing folder, the days it is about and lands on, and its lines' positions.

    ``day`` is the day whose state it shows (0 for the monthly files); rows are sorted and hold every claim once.
    """

    name: str
    day: int
    lands_on: int
    rows: Ints


def claim_files(hospital: Hospital, day: int) -> list[ClaimFile]:
    """The files about the days up to ``day``, in the order of their days; some land only later."""
    lines, system = hospital.lines, hospital.habits.system
    insured = lines.kind == INSURED
    months = np.datetime64(date_of(0).isoformat()) + lines.claim_day.clip(max=1)
    month_of_line = months.astype("datetime64[M]")
    in_history = np.flatnonzero(insured & (lines.claim_day <= 0))
    first, last = np.datetime64(HISTORY_START.isoformat(), "M"), np.datetime64(date_of(0).isoformat(), "M")
    files = [
        ClaimFile(f"claims/{system}_claims_{month}.csv", 0, 0, in_history[month_of_line[in_history] == month])
        for month in np.arange(first, last + 1)
    ]
    for d in range(1, day + 1):
        changed = insured & ((lines.claim_day == d) | (lines.decision_day == d))
        if is_held_back(hospital.habits, d):
            changed |= insured & (lines.claim_day < d) & (lines.decision_day == d + 1)
        name = f"claims/{system}_claims_{date_of(d).isoformat()}.csv"
        files.append(ClaimFile(name, d, delivery_day(hospital.habits, d), np.flatnonzero(changed)))
    return [file for file in files if len(file.rows) > 0]


def claim_table(hospital: Hospital, day: Ints, rows: Ints) -> pa.Table:
    """Claims of the lines at ``rows`` as text, without planted defects.

    Args:
        hospital: the hospital.
        day: for each row, the day whose state it shows; 0 shows the history with its own timestamps.
        rows: positions of billed lines.
    """
    lines, habits = hospital.lines, hospital.habits
    encounter = lines.encounter[rows]
    provider = hospital.encounters.provider[encounter]
    claim_day, decision_day, amount = lines.claim_day[rows], lines.decision_day[rows], lines.amount[rows]
    decided = decision_day <= day
    modified = np.where(day > 0, day, np.where(decided, decision_day, claim_day))
    government = np.isin(np.array(PAYERS)[lines.payer[rows]], GOVERNMENT_PAYERS).astype(np.int64)
    return pa.table(
        {
            "ClaimID": id_text("CLAIM", claim_numbers(hospital)[rows]),
            "TransactionID": id_text("TRANS", rows + 1),
            "PatientID": patient_id(hospital.encounters.patient[encounter]),
            "EncounterID": id_text("ENC", encounter + 1),
            "ProviderID": provider_id(habits, provider),
            "DeptID": department_id(hospital.providers.department[provider]),
            "ServiceDate": date_text(lines.service_day[rows]),
            "ClaimDate": date_text(claim_day),
            "PayorID": words(PAYERS, lines.payer[rows]),
            "ClaimAmount": money_text(amount),
            "PaidAmount": money_text(np.where(decided, lines.payer_paid[rows], 0)),
            "ClaimStatus": words(habits.status_words, np.where(decided, 1 + lines.outcome[rows], 0)),
            "PayorType": words(("Private", "Government"), government),
            "Deductible": money_text(np.where(decided, lines.deductible[rows], 0)),
            "Coinsurance": money_text(np.where(decided, lines.coinsurance[rows], 0)),
            "Copay": money_text(np.where(decided, lines.copay[rows], 0)),
            "InsertDate": date_text(claim_day),
            "ModifiedDate": timestamp_text(modified, lines.seconds[rows]),
        }
    )


def current_versions(hospital: Hospital, day: int) -> tuple[Ints, Ints]:
    """Claims known on ``day`` and, for each, the day of its newest version among the files that have landed."""
    newest = np.full(len(hospital.lines.amount), -1)
    for file in claim_files(hospital, day):
        if file.lands_on <= day:
            newest[file.rows] = file.day
    rows = np.flatnonzero(newest >= 0)
    return rows, newest[rows]
