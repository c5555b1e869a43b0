"""Encounters and their charge lines, with everything that will ever happen to a line.

A line is drawn once with its whole future: when it is entered, billed, decided, paid. What a source shows on a day
is this future cut off at that day, so the state of day 3 does not depend on whether day 1 and 2 were simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from simulator.code_sets import diagnosis_codes, procedures
from simulator.columns import Ints, seconds_of_day, stream
from simulator.parameters import (
    CHARGE_SIGMA,
    CO_PAY_LINE_SHARE,
    CO_PAY_PAYS_SHARE,
    DAY_ZERO,
    DENIED_PATIENT_PAYS_SHARE,
    ENCOUNTER_TYPE_SHARES,
    HISTORY_DAYS,
    MEAN_EXTRA_LINES,
    MEDIAN_CHARGE_CENTS,
    NEVER,
    NEVER_BILLED_SHARE,
    PARTIAL_PATIENT_PAYS_SHARE,
    PARTIAL_SHARE,
    PATIENT_LAG_SIGMA,
    PATIENT_MEDIAN_LAG,
    PAYERS,
    SELF_PAY_PAYS_SHARE,
    WEEKDAY_WEIGHTS,
    HospitalHabits,
)

# Kind and outcome of a line. Lines of kind INSURED are billed to a payer and decided as one of the last three.
INSURED, CO_PAY_LINE, SELF_PAY_LINE = 0, 1, 2
PAID, PARTIAL, DENIED = 0, 1, 2
LATE_SHARE = 0.02
# Share of encounters at the provider and the department that disappear later.
IDLE_PROVIDER_SHARE = 0.002


@dataclass(frozen=True)
class Encounters:
    """One element per encounter; indices point into the hospital's patients, providers and procedures."""

    patient: Ints
    day: Ints
    kind: Ints
    provider: Ints
    procedure: Ints
    seconds: Ints
    commit_day: Ints
    modified_day: Ints


@dataclass(frozen=True)
class Lines:
    """One element per charge line; days relative to day 0 (NEVER: does not happen), money in cents.

    ``commit_day`` is when the new line becomes visible: its entry day, or one or two days later for a late row.
    ``paid_at_last`` is what has been paid once the patient has paid too, ``adjusted_if_halved`` what adjustments take
    off the line where half of its charge is taken back (see ``remittance``).
    """

    encounter: Ints
    service_day: Ints
    entry_day: Ints
    commit_day: Ints
    kind: Ints
    payer: Ints
    procedure: Ints
    diagnosis: Ints
    amount: Ints
    claim_day: Ints
    decision_day: Ints
    outcome: Ints
    payer_paid: Ints
    paid_at_last: Ints
    adjusted_if_halved: Ints
    deductible: Ints
    coinsurance: Ints
    copay: Ints
    patient_day: Ints
    seconds: Ints
    member_number: Ints


Block = TypeVar("Block")


def concatenated(blocks: list[Block]) -> Block:
    """Blocks of one kind, one after the other."""
    names = [f.name for f in fields(blocks[0])]  # type: ignore[arg-type]
    return type(blocks[0])(*(np.concatenate([getattr(b, name) for b in blocks]) for name in names))


def history_days(rng: np.random.Generator, count: int) -> Ints:
    """Sorted days of ``count`` encounters over the history, fewer at weekends."""
    days = np.arange(-HISTORY_DAYS + 1, 1)
    weights = np.array(WEEKDAY_WEIGHTS)[(DAY_ZERO.weekday() + days) % 7]
    return np.sort(rng.choice(days, size=count, p=weights / weights.sum()))


def encounter_block(
    habits: HospitalHabits, seed: int, day: int, count: int, patients_before: int, patients_new: int
) -> Encounters:
    """Encounters of the history (``day`` 0) or of one later day, where a third are first visits of new patients."""
    rng = stream(seed, habits.index, 3, day)
    days = history_days(rng, count) if day == 0 else np.full(count, day)
    patient = rng.integers(0, patients_before, count)
    if day > 0:
        is_first_visit = rng.random(count) < 1 / 3
        patient = np.where(is_first_visit, patients_before + rng.integers(0, patients_new, count), patient)
    busy = habits.providers - 1
    provider = np.where(rng.random(count) < IDLE_PROVIDER_SHARE, busy, rng.integers(0, busy, count))
    seconds = seconds_of_day(rng, count)
    late = late_days(rng, days)
    return Encounters(
        patient=patient,
        day=days,
        kind=rng.choice(len(ENCOUNTER_TYPE_SHARES), size=count, p=ENCOUNTER_TYPE_SHARES),
        provider=provider,
        procedure=rng.integers(0, len(procedures()), count),
        seconds=seconds,
        commit_day=days + late,
        modified_day=days.copy(),
    )


def late_days(rng: np.random.Generator, days: Ints) -> Ints:
    """By how many days rows written on ``days`` become visible late: 0, or 1 or 2 around and after day 0."""
    is_late = (rng.random(len(days)) < LATE_SHARE) & (days >= -1)
    return np.where(is_late, rng.integers(1, 3, len(days)), 0)


def _lag(rng: np.random.Generator, median: Ints | int, sigma: float, size: int) -> Ints:
    """Log-normal whole days, at least 1."""
    spread = np.exp(rng.normal(0.0, sigma, size))
    days: Ints = np.maximum(1, np.rint(np.asarray(median) * spread)).astype(np.int64)
    return days


def _or_never(days: Ints, happens: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Ints:
    return np.where(happens, days, NEVER)


def line_block(
    habits: HospitalHabits, seed: int, day: int, encounters: Encounters, payers: Ints, first_encounter: int
) -> Lines:
    """Charge lines of one block of encounters.

    Args:
        habits: the hospital.
        seed: seed of the world.
        day: 0 for the history, else the block's day.
        encounters: the block.
        payers: payer of each of the hospital's patients.
        first_encounter: position of the block's first encounter in the hospital.
    """
    rng = stream(seed, habits.index, 4, day)
    means = np.array(MEAN_EXTRA_LINES) * habits.extra_lines_factor
    per_encounter = 1 + rng.poisson(means[encounters.kind])
    local = np.repeat(np.arange(len(per_encounter)), per_encounter)
    size = len(local)
    kind_of_visit = encounters.kind[local]
    payer = payers[encounters.patient[local]]
    is_co_pay = (rng.random(size) < CO_PAY_LINE_SHARE) & (payer != len(PAYERS) - 1)
    kind = np.where(payer == len(PAYERS) - 1, SELF_PAY_LINE, np.where(is_co_pay, CO_PAY_LINE, INSURED))

    stay = np.where((kind_of_visit == 0) & ~is_co_pay, rng.integers(0, 4, size), 0)
    service_day = encounters.day[local] + stay
    entry_day = service_day + np.where(is_co_pay, 0, rng.choice(3, size=size, p=(0.6, 0.3, 0.1)))
    late = np.where(is_co_pay, 0, late_days(rng, entry_day))

    median = np.array(MEDIAN_CHARGE_CENTS)[kind_of_visit] * habits.charge_factor
    amount = np.rint(median * np.exp(rng.normal(0.0, CHARGE_SIGMA, size))).astype(np.int64)
    amount = np.where(is_co_pay, 500 * rng.integers(3, 11, size), amount)

    # A claim follows every late row's arrival, so the order of a line's events is never reversed.
    claim_day = entry_day + 2 + _lag(rng, max(1, habits.claim_lag - 2), 0.6, size)
    claim_day = _or_never(claim_day, (kind == INSURED) & (rng.random(size) >= NEVER_BILLED_SHARE))
    decision_lag = np.array([p.payment_lag for p in habits.payers])[payer]
    decision_day = _or_never(claim_day + _lag(rng, decision_lag, 0.45, size), claim_day < NEVER)
    denial_rate = np.array([p.denial_rate for p in habits.payers])[payer]
    draw = rng.random(size)
    outcome = np.where(draw < denial_rate, DENIED, np.where(draw < denial_rate + PARTIAL_SHARE, PARTIAL, PAID))

    patient_part = np.rint(amount * rng.uniform(0.08, 0.35, size)).astype(np.int64)
    patient_part = np.where(outcome == PARTIAL, patient_part, 0)
    deductible = np.rint(patient_part * rng.uniform(0.2, 0.7, size)).astype(np.int64)
    coinsurance = (patient_part - deductible) // 2
    copay = patient_part - deductible - coinsurance
    payer_paid = np.where(outcome == DENIED, 0, amount - patient_part)

    wait = _lag(rng, PATIENT_MEDIAN_LAG, PATIENT_LAG_SIGMA, size)
    willing = rng.random(size)
    patient_day = np.select(
        [kind == CO_PAY_LINE, kind == SELF_PAY_LINE, outcome == PARTIAL, outcome == DENIED],
        [
            _or_never(entry_day, willing < CO_PAY_PAYS_SHARE),
            _or_never(entry_day + 2 + wait, willing < SELF_PAY_PAYS_SHARE),
            _or_never(decision_day + wait, (willing < PARTIAL_PATIENT_PAYS_SHARE) & (decision_day < NEVER)),
            _or_never(decision_day + wait, (willing < DENIED_PATIENT_PAYS_SHARE) & (decision_day < NEVER)),
        ],
        NEVER,
    )
    return Lines(
        encounter=first_encounter + local,
        service_day=service_day,
        entry_day=entry_day,
        commit_day=entry_day + late,
        kind=kind,
        payer=payer,
        procedure=rng.integers(0, len(procedures()), size),
        diagnosis=rng.integers(0, len(diagnosis_codes()), size),
        amount=amount,
        claim_day=claim_day,
        decision_day=decision_day,
        outcome=outcome,
        payer_paid=payer_paid,
        paid_at_last=amount,
        adjusted_if_halved=np.zeros_like(amount),
        deductible=deductible,
        coinsurance=coinsurance,
        copay=copay,
        patient_day=patient_day,
        seconds=seconds_of_day(rng, size),
        member_number=rng.integers(10_000, 99_999, size),
    )
