"""The code sets of the simulated group: invented procedures and a subset of ICD-10-CM.

``data/icd10cm_subset.csv`` holds 22 chapters, 59 blocks and some 500 categories and codes of ICD-10-CM, a work of
the US government; its columns are code, title, class_kind (chapter, block, category) and parent_code. Reading the
subset takes milliseconds where the package with the whole classification takes two seconds.

Procedure codes and their texts are invented: the numbers 00010 to 00089 are not CPT codes. Their leading zeros are
intended, because a pipeline that reads codes as numbers loses them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_LEVELS = ("Brief", "Basic", "Standard", "Extended", "Complex", "Guided", "Repeat", "Urgent")
_SERVICES = (
    ("clinic review", "Evaluation"),
    ("bedside assessment", "Evaluation"),
    ("blood panel", "Laboratory"),
    ("tissue reading", "Laboratory"),
    ("body imaging", "Imaging"),
    ("contrast imaging", "Imaging"),
    ("joint treatment", "Therapy"),
    ("infusion session", "Therapy"),
    ("minor repair", "Surgery"),
    ("scope procedure", "Surgery"),
)
UNKNOWN_PROCEDURE = "00099"  # well formed and in no code file
UNKNOWN_DIAGNOSIS = "Z98.89"  # a real code outside the subset
MALFORMED_REGISTRY_CODE = "E11.99999"  # planted in the ICD API: five characters after the point


@dataclass(frozen=True)
class Procedure:
    """One row of the procedure file."""

    code: str
    description: str
    category: str


@dataclass(frozen=True)
class IcdEntity:
    """One node of the ICD tree; ``parent_code`` is empty for chapters."""

    code: str
    title: str
    class_kind: str
    parent_code: str


@cache
def procedures() -> tuple[Procedure, ...]:
    """The 80 invented procedures, by code."""
    return tuple(
        Procedure(f"{10 + len(_LEVELS) * s + v:05d}", f"{level} {service}", category)
        for s, (service, category) in enumerate(_SERVICES)
        for v, level in enumerate(_LEVELS)
    )


@cache
def icd_entities() -> tuple[IcdEntity, ...]:
    """The clean ICD subset: chapters, then blocks, then categories and codes."""
    text = files("simulator").joinpath("data/icd10cm_subset.csv").read_text(encoding="utf-8")
    return tuple(IcdEntity(**row) for row in csv.DictReader(text.splitlines()))


@cache
def diagnosis_codes() -> tuple[str, ...]:
    """The leaves of the subset, the codes that charges carry."""
    parents = {entity.parent_code for entity in icd_entities()}
    return tuple(e.code for e in icd_entities() if e.class_kind == "category" and e.code not in parents)
