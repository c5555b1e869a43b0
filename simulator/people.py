"""Patients, providers and departments: invented people with impossible identifiers.

Names come from short invented lists, social security numbers lie in the never issued 900-999 area, phones in
555-01xx, and NPIs start with 2, a prefix that passes the check digit and is not handed out. Nobody real can match.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.columns import Bools, Ints, date_text, id_text, join_text, seconds_of_day, stream, timestamp_text, words
from simulator.names import FIRST_NAMES, LAST_NAMES, SPECIALITIES
from simulator.parameters import HISTORY_DAYS, PAYERS, HospitalHabits

_STREETS = ("Oak Street", "Mill Road", "Orchard Lane", "River Avenue", "Chapel Hill", "Station Road", "Elm Court")
_PLACES = (  # town, state, first three digits of the ZIP code
    ("Springfield", "KY", 400),
    ("Fairview", "KY", 421),
    ("Riverton", "OH", 430),
    ("Centerville", "OH", 454),
    ("Georgetown", "IN", 471),
    ("Salem", "IN", 462),
    ("Franklin", "TN", 370),
    ("Greenville", "IL", 622),
    ("Ashland", "WV", 250),
)
_AREA_CODES = ("502", "614", "317", "615", "618", "304")
DEPARTMENTS = len(SPECIALITIES)
INVALID_NPI_SHARE = 0.1
UNREGISTERED_NPI_SHARE = 0.12


@dataclass(frozen=True)
class Patients:
    """One element per patient; money none, days relative to day 0, vocabulary codes as in this module."""

    first: Ints
    last: Ints
    middle: Ints
    ssn: Ints
    phone: Ints  # last two digits, area code and format packed by _phone_text
    sex: Ints
    birth_day: Ints
    house: Ints
    place: Ints
    payer: Ints
    modified_day: Ints
    seconds: Ints
    commit_day: Ints


def patient_block(habits: HospitalHabits, seed: int, day: int, count: int) -> Patients:
    """Patients registered by day 0 (``day`` 0) or on one later day."""
    rng = stream(seed, habits.index, 1, day)
    shares = np.array([payer.share for payer in habits.payers])
    payer = rng.choice(len(PAYERS), size=count, p=shares / shares.sum())
    # Medicare covers the old, the others the young.
    age = np.where(payer == 0, rng.integers(65, 94, count), rng.integers(1, 65, count))
    registered = rng.integers(-HISTORY_DAYS - 300, -20, count) if day == 0 else np.full(count, day)
    sex = rng.choice(3, size=count, p=(0.51, 0.47, 0.02))
    return Patients(
        first=rng.integers(0, len(FIRST_NAMES), count),
        last=rng.integers(0, len(LAST_NAMES), count),
        middle=rng.integers(0, 26, count),
        ssn=rng.integers(0, 100 * 99 * 9999, count),
        phone=rng.integers(0, 100 * len(_AREA_CODES) * 4, count),
        sex=sex,
        birth_day=-HISTORY_DAYS - 365 * age - rng.integers(0, 365, count),
        house=rng.integers(1, 9000, count),
        place=rng.integers(0, len(_STREETS) * len(_PLACES) * 100, count),
        payer=payer,
        modified_day=registered,
        seconds=seconds_of_day(rng, count),
        commit_day=np.maximum(registered, day),
    )


def ssn_text(numbers: Ints) -> pa.Array:
    """999-99-9999 within the never issued area 900-999."""
    area, rest = 900 + numbers // (99 * 9999), numbers % (99 * 9999)
    return join_text(id_text("", area, 3), "-", id_text("", 1 + rest // 9999, 2), "-", id_text("", 1 + rest % 9999, 4))


def phone_text(packed: Ints) -> pa.Array:
    """Numbers of the fictional 555-01xx range in the spellings that real extracts mix."""
    line = id_text("01", packed % 100, 2)
    area = words(_AREA_CODES, packed // 100 % len(_AREA_CODES))
    extension = id_text("", packed % 9000, 4)
    spellings = (
        join_text(area, "-555-", line),
        join_text("(", area, ")555-", line, "x", extension),
        join_text("+1-", area, "-555-", line),
        join_text(area, ".555.", line),
    )
    return pc.choose(pa.array(packed // (100 * len(_AREA_CODES))), *spellings)


def address_text(house: Ints, place: Ints) -> pa.Array:
    """For example ``12 Oak Street, Springfield, KY 40001``."""
    street = words(_STREETS, place % len(_STREETS))
    where = place // len(_STREETS) % len(_PLACES)
    zip_code = np.array([p[2] for p in _PLACES])[where] * 100 + place // (len(_STREETS) * len(_PLACES))
    town = words([f"{p[0]}, {p[1]}" for p in _PLACES], where)
    return join_text(id_text("", house, 1), " ", street, ", ", town, " ", id_text("", zip_code, 5))


def patient_table(habits: HospitalHabits, patients: Patients, rows: Ints) -> pa.Table:
    """The patients table as hospital ``habits`` spells it, for the patients at ``rows``."""
    names_a = [
        "PatientID",
        "FirstName",
        "LastName",
        "MiddleName",
        "SSN",
        "PhoneNumber",
        "Gender",
        "DOB",
        "Address",
        "ModifiedDate",
    ]
    names_b = ["ID", "F_Name", "L_Name", "M_Name", "SSN", "PhoneNumber", "Gender", "DOB", "Address", "Updated_Date"]
    letters = [chr(ord("A") + i) for i in range(26)]
    return pa.table(
        [
            patient_id(rows),
            words(FIRST_NAMES, patients.first[rows]),
            words(LAST_NAMES, patients.last[rows]),
            words(letters, patients.middle[rows]),
            ssn_text(patients.ssn[rows]),
            phone_text(patients.phone[rows]),
            words(habits.sex_words, patients.sex[rows]),
            date_text(patients.birth_day[rows]),
            address_text(patients.house[rows], patients.place[rows]),
            timestamp_text(patients.modified_day[rows], patients.seconds[rows]),
        ],
        names=names_a if habits.index == 0 else names_b,
    )


def patient_id(rows: Ints) -> pa.Array:
    """Both hospitals number their patients HOSP1-000001 on, for different people."""
    return id_text("HOSP1-", rows + 1)


def provider_id(habits: HospitalHabits, rows: Ints) -> pa.Array:
    """H1-PROV0001 in hospital A, H2-PROV0001 in hospital B."""
    return id_text(habits.provider_prefix, rows + 1, 4)


def department_id(rows: Ints) -> pa.Array:
    """DEPT001 on, in both hospitals."""
    return id_text("DEPT", rows + 1, 3)


def provider_department(habits: HospitalHabits) -> Ints:
    """Department of each provider; the last provider works in the last department, which is all but idle."""
    departments = np.arange(habits.providers) % (DEPARTMENTS - 1)
    departments[-1] = DEPARTMENTS - 1
    return departments


def npi_check_digit(first_nine: Ints) -> Ints:
    """Luhn check digit of an NPI, computed over 80840 and its first nine digits."""
    total = np.full(len(first_nine), 24)  # what the constant prefix 80840 adds
    rest = first_nine.copy()
    for place in range(9):
        digit = rest % 10
        rest = rest // 10
        if place % 2 == 0:
            doubled = 2 * digit
            digit = doubled - 9 * (doubled > 9)
        total = total + digit
    return -total % 10


@dataclass(frozen=True)
class Providers:
    """One element per provider; ``invalid`` NPIs fail the check digit, ``registered`` ones the registry knows."""

    first: Ints
    last: Ints
    department: Ints
    npi: Ints
    invalid: Bools
    registered: Bools


def providers_of(habits: HospitalHabits, seed: int) -> Providers:
    """The hospital's providers; at least one NPI is invalid and at least one valid NPI is unknown to the registry."""
    rng = stream(seed, habits.index, 2)
    count = habits.providers
    # Hospital index inside the number: no NPI is shared between hospitals.
    first_nine = 200_000_000 + habits.index * 50_000_000 + np.sort(rng.choice(50_000_000, count, replace=False))
    check = npi_check_digit(first_nine)
    shuffled = rng.permutation(count)
    invalid = np.zeros(count, dtype=bool)
    invalid[shuffled[: max(1, round(count * INVALID_NPI_SHARE))]] = True
    unknown = shuffled[-max(1, round(count * UNREGISTERED_NPI_SHARE)) :]
    registered = ~invalid
    registered[unknown] = False
    return Providers(
        first=rng.integers(0, len(FIRST_NAMES), count),
        last=rng.integers(0, len(LAST_NAMES), count),
        department=provider_department(habits),
        npi=first_nine * 10 + (check + invalid) % 10,
        invalid=invalid,
        registered=registered,
    )


def provider_table(habits: HospitalHabits, providers: Providers, rows: Ints) -> pa.Table:
    """The providers table for the providers at ``rows``."""
    return pa.table(
        {
            "ProviderID": provider_id(habits, rows),
            "FirstName": words(FIRST_NAMES, providers.first[rows]),
            "LastName": words(LAST_NAMES, providers.last[rows]),
            "Specialization": words(SPECIALITIES, providers.department[rows]),
            "DeptID": department_id(providers.department[rows]),
            "NPI": id_text("", providers.npi[rows], 10),
        }
    )


def department_table(rows: Ints) -> pa.Table:
    """The departments table for the departments at ``rows``."""
    return pa.table({"DeptID": department_id(rows), "Name": words(SPECIALITIES, rows)})
