"""What changes on a later day beside new encounters and the planned course of charges.

Address and phone changes, rows that are only touched (the modified timestamp changes), corrected and voided
charges, recoded encounters. Rows with planted defects never change, so each keeps its one bronze version. A day's
choice depends only on the seed, the hospital and the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.care import CO_PAY_LINE
from simulator.columns import Bools, Ints, stream
from simulator.world import Hospital

# Share of the history's rows that change in one day; at least one row each.
MOVED_SHARE = 0.0006
PHONE_SHARE = 0.0004
TOUCHED_SHARE = 0.0005
RECODED_SHARE = 0.0001
CORRECTED_SHARE = 0.0001
VOIDED_SHARE = 0.00005
# A line changes by hand only when its own course is over; see settled_lines.
SETTLED_BY_DAY = -10
# First name lost and found again, see defects.PatientDefects.
NAME_LOST_ON = 1
NAME_FOUND_ON = 2


@dataclass(frozen=True)
class DayChange:
    """Positions of the rows that change on ``day``; no row is in two of the lists of one entity."""

    day: int
    moved_patients: Ints
    phoned_patients: Ints
    touched_patients: Ints
    recoded_encounters: Ints
    touched_encounters: Ints
    corrected_lines: Ints
    voided_lines: Ints
    touched_lines: Ints

    def patients(self) -> Ints:
        """All patients that change."""
        return np.concatenate([self.moved_patients, self.phoned_patients, self.touched_patients])

    def encounters(self) -> Ints:
        """All encounters that change."""
        return np.concatenate([self.recoded_encounters, self.touched_encounters])

    def lines(self) -> Ints:
        """All charge lines that change."""
        return np.concatenate([self.corrected_lines, self.voided_lines, self.touched_lines])


@dataclass(frozen=True)
class Changes:
    """The changes of day 1, 2, ... in order."""

    days: tuple[DayChange, ...]

    def until(self, day: int) -> tuple[DayChange, ...]:
        """The changes of the days up to ``day``."""
        return self.days[:day]

    def on(self, day: int) -> DayChange:
        """The changes of one day, 1 or later."""
        return self.days[day - 1]


def settled_lines(hospital: Hospital) -> Bools:
    """History lines, insured or self-pay, that were paid in full well before day 0 and have no future."""
    lines, size = hospital.lines, hospital.history_lines
    last = np.maximum(lines.claim_day[:size], lines.decision_day[:size])
    insured_done = (last <= SETTLED_BY_DAY) & (
        (lines.patient_day[:size] <= SETTLED_BY_DAY) | (lines.payer_paid[:size] == lines.amount[:size])
    )
    others_done = (lines.kind[:size] != 0) & (lines.kind[:size] != CO_PAY_LINE)
    settled: Bools = insured_done | (others_done & (lines.patient_day[:size] <= SETTLED_BY_DAY))
    return settled


def day_changes(hospital: Hospital, day: int, patients: Ints, encounters: Ints, lines: Ints) -> Changes:
    """The changes of the days 1 to ``day``.

    Args:
        hospital: the hospital.
        day: last day.
        patients: positions of the patients that may change.
        encounters: positions of the encounters that may change.
        lines: positions of the lines that may change; each changes at most once, and when all have, no more do.
    """
    line_order = stream(hospital.seed, hospital.habits.index, 6).permutation(lines)
    counts = _counts(hospital)
    per_day = sum(counts[5:])
    return Changes(
        tuple(
            _one_day(hospital, d, counts, patients, encounters, line_order[(d - 1) * per_day : d * per_day])
            for d in range(1, day + 1)
        )
    )


def _counts(hospital: Hospital) -> list[int]:
    shares = (
        (MOVED_SHARE, hospital.history_patients),
        (PHONE_SHARE, hospital.history_patients),
        (TOUCHED_SHARE, hospital.history_patients),
        (RECODED_SHARE, hospital.history_encounters),
        (TOUCHED_SHARE, hospital.history_encounters),
        (CORRECTED_SHARE, hospital.history_lines),
        (VOIDED_SHARE, hospital.history_lines),
        (TOUCHED_SHARE, hospital.history_lines),
    )
    return [max(1, round(share * size)) for share, size in shares]


def _one_day(
    hospital: Hospital, day: int, counts: list[int], patients: Ints, encounters: Ints, lines: Ints
) -> DayChange:
    rng = stream(hospital.seed, hospital.habits.index, 5, day)
    people = rng.choice(patients, sum(counts[:3]), replace=False)
    visits = rng.choice(encounters, sum(counts[3:5]), replace=False)
    moved, phoned, touched = np.split(people, np.cumsum(counts[:2]))
    recoded, touched_visits = np.split(visits, [counts[3]])
    corrected, voided, touched_lines = np.split(lines, np.cumsum(counts[5:7]))
    return DayChange(
        day=day,
        moved_patients=np.sort(moved),
        phoned_patients=np.sort(phoned),
        touched_patients=np.sort(touched),
        recoded_encounters=np.sort(recoded),
        touched_encounters=np.sort(touched_visits),
        corrected_lines=np.sort(corrected),
        voided_lines=np.sort(voided),
        touched_lines=np.sort(touched_lines),
    )
