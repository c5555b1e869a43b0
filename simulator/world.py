"""One hospital up to a day: the history block and one block per later day, put together.

Blocks depend only on the seed, the hospital and their day. A world that reaches further has the same rows first, in
the same order, so ids never change as days pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simulator.care import (
    INSURED,
    SELF_PAY_LINE,
    Encounters,
    Lines,
    concatenated,
    encounter_block,
    line_block,
)
from simulator.parameters import HISTORY_DAYS, NEVER, HospitalHabits
from simulator.people import Patients, Providers, patient_block, providers_of

HOLD_BACK_EVERY = 5  # days between two held-back claim files of a hospital
HOLD_BACK_FOR = 2  # days a held-back file arrives late


@dataclass(frozen=True)
class Hospital:
    """Everything that happens at one hospital in encounters up to a day.

    The first ``history_*`` elements of each block belong to the history; defects are planted only among these.
    """

    habits: HospitalHabits
    seed: int
    patients: Patients
    providers: Providers
    encounters: Encounters
    lines: Lines
    history_patients: int
    history_encounters: int
    history_lines: int


def build_hospital(habits: HospitalHabits, seed: int, patients: int, day: int) -> Hospital:
    """The hospital's world up to ``day``, with ``patients`` registered by day 0."""
    encounter_count = max(1, round(patients * habits.encounters_per_patient))
    daily_encounters = max(1, round(encounter_count / HISTORY_DAYS))
    daily_patients = max(1, round(patients / HISTORY_DAYS))
    people = [patient_block(habits, seed, 0, patients)]
    people += [patient_block(habits, seed, d, daily_patients) for d in range(1, day + 1)]
    patients_block = concatenated(people)

    visits: list[Encounters] = []
    lines: list[Lines] = []
    first_encounter = 0
    for d in range(day + 1):
        known = patients + max(0, d - 1) * daily_patients
        count = encounter_count if d == 0 else daily_encounters
        block = encounter_block(habits, seed, d, count, known, daily_patients)
        charges = line_block(habits, seed, d, block, patients_block.payer, first_encounter)
        visits.append(block)
        lines.append(_with_certain_events(habits, charges) if d == 0 else charges)
        first_encounter += count
    return Hospital(
        habits=habits,
        seed=seed,
        patients=patients_block,
        providers=providers_of(habits, seed),
        encounters=concatenated(visits),
        lines=concatenated(lines),
        history_patients=patients,
        history_encounters=encounter_count,
        history_lines=len(lines[0].amount),
    )


def is_held_back(habits: HospitalHabits, day: int) -> bool:
    """Whether the daily claim file of ``day`` arrives late."""
    return day % HOLD_BACK_EVERY == habits.held_back_phase


def delivery_day(habits: HospitalHabits, day: int) -> int:
    """Day on which the daily claim file of ``day`` lands."""
    return day + HOLD_BACK_FOR if is_held_back(habits, day) else day


def _with_certain_events(habits: HospitalHabits, lines: Lines) -> Lines:
    """Make sure that even the smallest world has a late line and an out-of-order claim version.

    A self-pay or insured line entered on day 0 becomes visible on day 1. A claim of the history is decided on the
    day after the first held-back claim file, so that file's older version of it arrives after the newer one.
    """
    entry, commit = lines.entry_day.copy(), lines.commit_day.copy()
    claim, decision, patient = lines.claim_day.copy(), lines.decision_day.copy(), lines.patient_day.copy()

    waits = np.flatnonzero((entry <= 0) & (commit == entry) & np.isin(lines.kind, (INSURED, SELF_PAY_LINE)))
    late = waits[np.argmax(entry[waits])]
    for days in (claim, decision, patient):
        days[late] += np.where(days[late] < NEVER, -entry[late], 0)
    entry[late], commit[late] = 0, 1

    decided_on = habits.held_back_phase + 1
    is_open = (claim <= -3) & (decision > decided_on) & (decision < NEVER)
    candidates = np.flatnonzero(is_open if is_open.any() else (claim <= -3) & (decision < NEVER))
    chosen = candidates[np.argmin(np.abs(decision[candidates] - decided_on))]
    patient[chosen] += np.where(patient[chosen] < NEVER, decided_on - decision[chosen], 0)
    decision[chosen] = decided_on
    return replace(
        lines, entry_day=entry, commit_day=commit, claim_day=claim, decision_day=decision, patient_day=patient
    )
