"""The group's source tables on one day, defects included: what databases and files hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.adjustments import Feed, feed, no_adjustments, planted_adjustments
from simulator.charges import (
    encounter_table,
    transaction_table,
    visible_encounters,
    visible_lines,
)
from simulator.claims import ClaimFile, claim_table, current_versions
from simulator.columns import Ints
from simulator.defects import (
    CLAIM_DEFECTS,
    CLAIM_TWIN,
    ENCOUNTER_DEFECTS,
    ENCOUNTER_TWIN,
    TRANSACTION_DEFECTS,
    TRANSACTION_TWIN,
    Planted,
    plant,
)
from simulator.directory import planted_departments, planted_providers
from simulator.parameters import HospitalHabits
from simulator.planning import Story, tell_story
from simulator.registrations import planted_patients
from simulator.remittance import with_remittance
from simulator.world import Hospital, build_hospital


@dataclass(frozen=True)
class Setting:
    """One hospital with its story and, where it is on, its adjustments feed."""

    hospital: Hospital
    story: Story
    feed: Feed | None = None


def setting(habits: HospitalHabits, seed: int, patients: int, day: int, *, remittance: bool = False) -> Setting:
    """The world and the story of one hospital up to ``day``."""
    hospital = build_hospital(habits, seed, patients, day)
    story = tell_story(hospital, day)
    if not remittance:
        return Setting(hospital, story)
    remitted, postings = with_remittance(hospital, story.lines.rows())
    return Setting(remitted, story, feed(remitted, postings, day))


def database_tables(setting: Setting, day: int) -> Mapping[str, Planted]:
    """The six tables of the hospital's database at the end of ``day``."""
    hospital, story = setting.hospital, setting.story
    visits = visible_encounters(hospital, day)
    return {
        "patients": planted_patients(hospital, story, day),
        "providers": planted_providers(hospital, day),
        "departments": planted_departments(day),
        "encounters": plant(
            encounter_table(hospital, story.changes, day, visits),
            visits,
            story.encounters,
            ENCOUNTER_DEFECTS,
            ENCOUNTER_TWIN,
        ),
        "transactions": planted_transactions(setting, day),
        "adjustments": adjustments_on(setting, day),
    }


def adjustments_on(setting: Setting, day: int) -> Planted:
    """The adjustments table at the end of ``day``."""
    if setting.feed is None:
        return no_adjustments()
    return planted_adjustments(setting.hospital, setting.feed, setting.story.changes, day)


def planted_transactions(setting: Setting, day: int) -> Planted:
    """The transactions table at the end of ``day``."""
    lines, story = visible_lines(setting.hospital, day), setting.story
    clean = transaction_table(setting.hospital, story.changes, day, lines)
    return plant(clean, lines, story.lines, TRANSACTION_DEFECTS, TRANSACTION_TWIN)


def file_content(setting: Setting, file: ClaimFile) -> Planted:
    """The rows of one claim file."""
    return _claims(setting, np.full(len(file.rows), file.day), file.rows)


def file_size(setting: Setting, file: ClaimFile) -> int:
    """Number of rows of one claim file, twins and copies included."""
    plan = setting.story.claims
    return len(file.rows) + int(np.isin(np.concatenate([plan.repeated, plan.duplicated]), file.rows).sum())


def current_claims(setting: Setting, day: int) -> Planted:
    """The newest version of every claim among the files that have landed by ``day``, defects included."""
    rows, version_days = current_versions(setting.hospital, day)
    return _claims(setting, version_days, rows)


def _claims(setting: Setting, version_days: Ints, rows: Ints) -> Planted:
    table: pa.Table = claim_table(setting.hospital, version_days, rows)
    return plant(table, rows, setting.story.claims, CLAIM_DEFECTS, CLAIM_TWIN)
