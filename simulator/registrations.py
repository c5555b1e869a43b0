"""The patients table as its database shows it on one day."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulator.columns import Bools, Ints, stream
from simulator.day_changes import NAME_FOUND_ON, NAME_LOST_ON
from simulator.defects import Plan, Planted, patient_defects, plant, without
from simulator.people import Patients, patient_table
from simulator.planning import Story
from simulator.world import Hospital


def visible_patients(hospital: Hospital, day: int) -> Ints:
    """Positions of the patients registered by the end of ``day``."""
    return np.flatnonzero(hospital.patients.commit_day <= day)


def changed_patients(hospital: Hospital, story: Story, day: int) -> Bools:
    """Patients of whom a new version becomes visible on ``day``."""
    changed: Bools = hospital.patients.commit_day == day
    changed[story.changes.on(day).patients()] = True
    if day == NAME_LOST_ON:
        changed[story.name_lost] = True
    if day == NAME_FOUND_ON:
        changed[story.name_found] = True
    return changed


def planted_patients(hospital: Hospital, story: Story, day: int) -> Planted:
    """The patients table on ``day`` with its defects."""
    table = patient_table(hospital.habits, _on_day(hospital, story, day), visible_patients(hospital, day))
    patches, twin = patient_defects(table.column_names)
    return plant(table, visible_patients(hospital, day), plan_on_day(story, day), patches, twin)


def plan_on_day(story: Story, day: int) -> Plan:
    """The patients' defects in what the database shows on ``day``: one name is lost, another is found."""
    nameless = story.patients.rules["first_name_missing"]
    if day >= NAME_LOST_ON:
        nameless = np.sort(np.concatenate([nameless, story.name_lost]))
    if day >= NAME_FOUND_ON:
        nameless = without(nameless, story.name_found)
    return replace(story.patients, rules={**story.patients.rules, "first_name_missing": nameless})


def _on_day(hospital: Hospital, story: Story, day: int) -> Patients:
    base = hospital.patients
    house, place, phone, modified = base.house.copy(), base.place.copy(), base.phone.copy(), base.modified_day.copy()
    for change in story.changes.until(day):
        rng = stream(hospital.seed, hospital.habits.index, 12, change.day)
        # Another house number is another address, whatever the rest.
        house[change.moved_patients] = house[change.moved_patients] % 9000 + 1
        # Drawn from the history: a longer world must not move a patient elsewhere.
        known = base.place[: hospital.history_patients]
        place[change.moved_patients] = rng.choice(known, len(change.moved_patients))
        # The last two digits move on, so the number is never the old one.
        old = phone[change.phoned_patients]
        phone[change.phoned_patients] = old - old % 100 + (old % 100 + 1) % 100
        modified[change.patients()] = change.day
    if day >= NAME_LOST_ON:
        modified[story.name_lost] = NAME_LOST_ON
    if day >= NAME_FOUND_ON:
        modified[story.name_found] = NAME_FOUND_ON
    return replace(base, house=house, place=place, phone=phone, modified_day=modified)
