"""What the API stub serves: NPI registry entries of the simulated providers and the ICD subset.

One registry entry carries a number that fails the check digit and one ICD category has a malformed code, so that
these rules have something to find. Some valid NPIs of providers are missing from the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.code_sets import MALFORMED_REGISTRY_CODE, icd_entities
from simulator.columns import stream
from simulator.names import FIRST_NAMES, LAST_NAMES
from simulator.parameters import date_of
from simulator.world import Hospital

_TAXONOMIES = (
    ("207Q00000X", "Family Medicine"),
    ("207R00000X", "Internal Medicine"),
    ("208600000X", "Surgery"),
    ("2085R0202X", "Diagnostic Radiology"),
)
_CREDENTIALS = ("MD", "DO", "NP")
_STATES = ("KY", "OH", "IN", "TN")


def npi_entries(hospitals: Sequence[Hospital]) -> dict[str, dict[str, Any]]:
    """Registry entries by the NPI they are found under; the first one's own ``number`` is wrong.

    Each entry holds number, first_name, last_name, credential, enumeration_day and updated_day (ISO dates),
    taxonomy_code, taxonomy_description and state.
    """
    entries: dict[str, dict[str, Any]] = {}
    for hospital in hospitals:
        providers = hospital.providers
        rng = stream(hospital.seed, hospital.habits.index, 13)
        for at in np.flatnonzero(providers.registered):
            code, description = _TAXONOMIES[int(rng.integers(len(_TAXONOMIES)))]
            enumerated = -int(rng.integers(2000, 6000))
            npi = f"{providers.npi[at]:010d}"
            entries[npi] = {
                "number": npi,
                "first_name": FIRST_NAMES[providers.first[at]].upper(),
                "last_name": LAST_NAMES[providers.last[at]].upper(),
                "credential": _CREDENTIALS[int(rng.integers(len(_CREDENTIALS)))],
                "enumeration_day": date_of(enumerated).isoformat(),
                "updated_day": date_of(enumerated + int(rng.integers(0, 1800))).isoformat(),
                "taxonomy_code": code,
                "taxonomy_description": description,
                "state": _STATES[int(rng.integers(len(_STATES)))],
            }
    first = next(iter(entries.values()))
    first["number"] = first["number"][:9] + str((int(first["number"][9]) + 1) % 10)
    return entries


def icd_nodes() -> list[dict[str, str]]:
    """The ICD tree as served: code, title, class_kind, parent_code."""
    clean = [vars(entity) for entity in icd_entities()]
    planted = {
        "code": MALFORMED_REGISTRY_CODE,
        "title": "Planted code of no classification",
        "class_kind": "category",
        "parent_code": "E11",
    }
    return [*clean, planted]
