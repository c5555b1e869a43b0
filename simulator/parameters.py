"""The habits of the simulated hospital group: who pays, how often they deny, how long everything takes.

Every number here is an assumption of the simulation, chosen so that the headline KPIs of a 2,000-patient group
look like a working hospital's: gross days in A/R 40 to 60, 20 to 35 % of A/R older than 90 days, denial rates
of 5 to 12 %. Money is in US cents, time in days counted from day 0 (the last service date of the history).

The sources know no contractual adjustments or write-offs, so what nobody pays stays in A/R for good. That fixes
the collection rate: with 18 months of history, cohorts must reach about 97 % in the end (85 to 90 % at 90 to 150
days), or the old balances by themselves would exceed 60 days of revenue.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

HISTORY_START = dt.date(2023, 7, 1)
DAY_ZERO = dt.date(2024, 12, 31)
HISTORY_DAYS = (DAY_ZERO - HISTORY_START).days + 1
LAG_DAYS = 2  # the overlap the control tables declare: a late row's timestamp is never older than this

# Later than any simulated day: "this never happens".
NEVER = 1 << 20

SELF_PAY = "SELF"
PAYERS = ("Medicare", "Medicaid", "BlueCross", "Aetna", "UnitedHealthcare", SELF_PAY)
GOVERNMENT_PAYERS = ("Medicare", "Medicaid")
AMOUNT_TYPES = ("Medicare", "Medicaid", "Insurance", "Insurance", "Insurance", "Self-pay")  # by payer
LINES_OF_BUSINESS = ("Medicare", "Medicaid", "Commercial", "Commercial", "Commercial", "Self-Pay")  # by payer
CO_PAY = "Co-pay"

ENCOUNTER_TYPES = ("Inpatient", "Emergency", "Outpatient", "Routine Checkup", "Telemedicine")
VISIT_TYPES = ("Consultation", "Emergency", "Follow-up", "Routine", "Routine")  # of a line, by encounter type
ENCOUNTER_TYPE_SHARES = (0.07, 0.16, 0.38, 0.24, 0.15)
MEAN_EXTRA_LINES = (3.0, 1.4, 0.9, 0.5, 0.2)  # charge lines beyond the first, by encounter type
MEDIAN_CHARGE_CENTS = (160_000, 62_000, 31_000, 16_500, 9_500)  # of one line, by encounter type
CHARGE_SIGMA = 0.45  # log-normal spread of a charge
WEEKDAY_WEIGHTS = (1.1, 1.1, 1.05, 1.05, 1.0, 0.5, 0.4)  # Monday first

CO_PAY_LINE_SHARE = 0.06  # lines that are a co-payment collected at the desk
NEVER_BILLED_SHARE = 0.004
PARTIAL_SHARE = 0.24  # of adjudicated and not denied claims: the patient owes the rest
PARTIAL_PATIENT_PAYS_SHARE = 0.94
SELF_PAY_PAYS_SHARE = 0.93
DENIED_PATIENT_PAYS_SHARE = 0.86  # a denied line becomes the patient's; the payer's claim stays denied
CO_PAY_PAYS_SHARE = 0.97
PATIENT_MEDIAN_LAG = 35  # days from the payer's decision (or the service) to the patient's payment
PATIENT_LAG_SIGMA = 0.6


@dataclass(frozen=True)
class PayerHabits:
    """How one payer treats one hospital.

    Attributes:
        share: share of the hospital's patients it covers.
        denial_rate: planted probability that a claim is denied at its decision.
        payment_lag: planted median of days from claim to decision.
    """

    share: float
    denial_rate: float
    payment_lag: int


@dataclass(frozen=True)
class HospitalHabits:
    """One hospital of the group.

    Attributes:
        system: name of the source system and of its database file.
        index: position in the group; part of every random stream's key.
        provider_prefix: first part of its provider ids.
        encounters_per_patient: mean over the whole history.
        extra_lines_factor: scales MEAN_EXTRA_LINES.
        charge_factor: scales MEDIAN_CHARGE_CENTS.
        claim_lag: median of days from charge entry to claim.
        sex_words: its words for female, male and unknown.
        status_words: its clearing house's words for PENDING, PAID, PARTIAL, DENIED.
        held_back_phase: daily claim files of days with ``day % 5 == held_back_phase`` arrive two days late.
        payers: habits by payer, in the order of PAYERS.
    """

    system: str
    index: int
    provider_prefix: str
    providers: int
    encounters_per_patient: float
    extra_lines_factor: float
    charge_factor: float
    claim_lag: int
    sex_words: tuple[str, str, str]
    status_words: tuple[str, str, str, str]
    held_back_phase: int
    payers: tuple[PayerHabits, ...]


HOSPITAL_A = HospitalHabits(
    system="hospital_a",
    index=0,
    provider_prefix="H1-PROV",
    providers=25,
    encounters_per_patient=2.0,
    extra_lines_factor=1.0,
    charge_factor=1.0,
    claim_lag=4,
    sex_words=("Female", "Male", "Unknown"),
    status_words=("Pending", "Paid", "Partial", "Denied"),
    held_back_phase=1,
    payers=(
        PayerHabits(0.36, 0.062, 18),
        PayerHabits(0.15, 0.098, 29),
        PayerHabits(0.19, 0.070, 21),
        PayerHabits(0.12, 0.083, 25),
        PayerHabits(0.12, 0.112, 27),
        PayerHabits(0.06, 0.0, 0),
    ),
)

HOSPITAL_B = HospitalHabits(
    system="hospital_b",
    index=1,
    provider_prefix="H2-PROV",
    providers=30,
    encounters_per_patient=1.7,
    extra_lines_factor=0.85,
    charge_factor=0.9,
    claim_lag=5,
    sex_words=("F", "M", "U"),
    status_words=("PENDING", "PAID", "PARTIAL", "DENIED"),
    held_back_phase=2,
    payers=(
        PayerHabits(0.30, 0.055, 19),
        PayerHabits(0.20, 0.115, 30),
        PayerHabits(0.16, 0.078, 22),
        PayerHabits(0.14, 0.090, 26),
        PayerHabits(0.13, 0.104, 28),
        PayerHabits(0.07, 0.0, 0),
    ),
)

HOSPITALS = (HOSPITAL_A, HOSPITAL_B)


def date_of(day: int) -> dt.date:
    """Calendar date of a simulated day (day 0 = 2024-12-31)."""
    return DAY_ZERO + dt.timedelta(days=day)
