"""The defects and changes of one hospital: which rows are reserved for defects and which may change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.care import DENIED, INSURED
from simulator.columns import Ints, stream
from simulator.day_changes import SETTLED_BY_DAY, Changes, day_changes, settled_lines
from simulator.defects import CLAIM_DEFECTS, ENCOUNTER_DEFECTS, TRANSACTION_DEFECTS, Plan, draw_plan, without
from simulator.parameters import LAG_DAYS
from simulator.world import Hospital

PATIENT_RULES = (
    "key_missing",
    "first_name_missing",
    "birth_date_implausible",
    "sex_not_mapped",
    "ssn_malformed",
    "phone_malformed",
)


@dataclass(frozen=True)
class Story:
    """What goes wrong and what changes at one hospital.

    Attributes:
        name_lost: patients whose good first name turns into the text NULL on day 1: a bad version after a good one.
        name_found: patients planted without a first name whose name is entered on day 2: a good one after a bad one.
    """

    patients: Plan
    encounters: Plan
    lines: Plan
    claims: Plan
    name_lost: Ints
    name_found: Ints
    changes: Changes


def tell_story(hospital: Hospital, day: int) -> Story:
    """Plan defects and the changes up to ``day``; the part about earlier days is the same for every later day."""
    seed, index = hospital.seed, hospital.habits.index
    lines, encounters = hospital.lines, hospital.encounters
    everyone = np.arange(hospital.history_patients)
    settled_people = _before_overlap(hospital.patients.modified_day[everyone])
    patients = draw_plan(stream(seed, index, 7), settled_people, hospital.history_patients, PATIENT_RULES)
    well = without(everyone, patients.rows())
    name_lost = stream(seed, index, 8).choice(well, 1)

    visits = _before_overlap(encounters.day[: hospital.history_encounters].clip(max=SETTLED_BY_DAY + LAG_DAYS + 1))
    visit_plan = draw_plan(stream(seed, index, 9), visits, hospital.history_encounters, tuple(ENCOUNTER_DEFECTS))

    settled = np.flatnonzero(settled_lines(hospital))
    line_plan = draw_plan(stream(seed, index, 10), settled, hospital.history_lines, tuple(TRANSACTION_DEFECTS))

    decided = lines.decision_day[: hospital.history_lines] <= SETTLED_BY_DAY
    denied = lines.outcome[: hospital.history_lines] == DENIED
    claim_plan = draw_plan(
        stream(seed, index, 11),
        np.flatnonzero(decided),
        int((lines.kind[: hospital.history_lines] == INSURED).sum()),
        tuple(CLAIM_DEFECTS),
        fitting={
            "denied_with_payment": np.flatnonzero(decided & denied),
            "claim_paid_above_charge": np.flatnonzero(decided & ~denied),
            "claim_parts_above_charge": np.flatnonzero(decided & ~denied),
        },
    )
    return Story(
        patients=patients,
        encounters=visit_plan,
        lines=line_plan,
        claims=claim_plan,
        name_lost=name_lost,
        name_found=patients.rules["first_name_missing"][:1],
        changes=day_changes(
            hospital,
            day,
            patients=without(well, name_lost),
            encounters=without(visits, visit_plan.rows()),
            lines=without(settled, line_plan.rows()),
        ),
    )


def _before_overlap(modified_day: Ints) -> Ints:
    """Rows that no later increment reads again: a defective key cannot be recognized as one that bronze holds."""
    return np.flatnonzero(modified_day < modified_day.max() - LAG_DAYS)
