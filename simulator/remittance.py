"""What happens to a charge line beside its charge and its payments, where the adjustments feed is on.

The base story stays: who is billed, who decides and pays when. With the feed on, a payer pays its allowed part and
the rest is contractual; what patients owe is transferred to them; what nobody pays is, mostly, written off; a few
patients and payers pay too much or too little. A line on which a defect is planted is left as it is.

Like a line, a posting is drawn once with its whole future. Draws are consecutive per line, so a longer world has the
same ones first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.care import CO_PAY_LINE, DENIED, INSURED, PAID, PARTIAL, SELF_PAY_LINE, Lines
from simulator.columns import Bools, Ints, stream
from simulator.parameters import NEVER
from simulator.remittance_habits import (
    ADMINISTRATIVE_AFTER,
    BAD_DEBT_AFTER,
    CHARITY_AFTER,
    CHARITY_SHARE,
    CONTRACTUAL_SHARES,
    CONTRACTUAL_SPREAD,
    DENIAL_REASON_SHARES,
    DENIAL_WRITE_OFF_AFTER,
    DENIAL_WRITE_OFF_SHARE,
    DENIED_TO_PATIENT_AFTER,
    LATE_KEYED_DAYS,
    LATE_KEYED_SHARE,
    OVERPAYMENT_SHARE,
    PATIENT_REFUND_AFTER,
    PAYER_OVERPAYMENT_SHARE,
    PAYER_REFUND_AFTER,
    REFUNDED_SHARE,
    SHORT_PAYMENT_AFTER,
    SHORT_PAYMENT_SHARE,
    SLOTS,
    SMALL_BALANCE_AFTER,
    SMALL_BALANCE_BELOW,
    STATEMENT_AFTER,
    UNINSURED_DISCOUNT,
    UNINSURED_DISCOUNT_SHARE,
    Posting,
)
from simulator.world import Hospital

Floats = npt.NDArray[np.floating[Any]]
_DRAWS = 10  # random numbers per line


@dataclass(frozen=True)
class Postings:
    """One element per row of the adjustments table, sorted by ``row``.

    Attributes:
        row: the charge line's position times SLOTS plus the Posting; never changes as days pass.
        post_day: day from which it counts.
        known_day: day on which it is keyed and becomes visible; the day it counts from, or some days later.
        amount: cents, positive.
        halved: cents once half of the charge, or of the posting itself, has been taken back.
        reason: position among DENIAL_REASONS, for what follows from a denial.
    """

    row: Ints
    post_day: Ints
    known_day: Ints
    amount: Ints
    halved: Ints
    reason: Ints

    @property
    def line(self) -> Ints:
        """Positions of the charge lines."""
        return self.row // SLOTS

    @property
    def slot(self) -> Ints:
        """What is posted, as a Posting."""
        return self.row % SLOTS


def with_remittance(hospital: Hospital, untouched: Ints) -> tuple[Hospital, Postings]:
    """The hospital with the payments of its lines as the feed wants them, and all postings, future ones included.

    Args:
        hospital: the hospital without the feed.
        untouched: positions of the lines that keep their payments, because a defect is planted on them.
    """
    lines = hospital.lines
    size = len(lines.amount)
    draw = stream(hospital.seed, hospital.habits.index, 20).random((size, _DRAWS)).T
    live = np.ones(size, dtype=bool)
    live[untouched] = False
    decided = (lines.kind == INSURED) & (lines.decision_day < NEVER)
    denied, agreed = decided & (lines.outcome == DENIED), decided & (lines.outcome != DENIED) & live
    partial = agreed & (lines.outcome == PARTIAL)
    uninsured = (lines.kind == SELF_PAY_LINE) & live
    pays = lines.patient_day < NEVER

    share = np.array(CONTRACTUAL_SHARES)[lines.payer] * (1 + CONTRACTUAL_SPREAD * (2 * draw[0] - 1))
    contractual = np.where(agreed, _cents(lines.payer_paid * share), 0)
    overpaid_by_payer = np.where(
        agreed & (lines.outcome == PAID) & (draw[1] < PAYER_OVERPAYMENT_SHARE), contractual // 2, 0
    )
    discount = np.where(uninsured & (draw[2] < UNINSURED_DISCOUNT_SHARE), _cents(lines.amount * UNINSURED_DISCOUNT), 0)
    parts = [np.where(partial, part, 0) for part in (lines.deductible, lines.coinsurance, lines.copay)]
    owed = np.select(
        [partial, uninsured, (lines.kind == CO_PAY_LINE) & live], [sum(parts), lines.amount - discount, lines.amount], 0
    )
    is_short = (partial | uninsured) & pays & (draw[3] < SHORT_PAYMENT_SHARE)
    short = np.where(is_short, np.minimum(owed // 2, 100 + _cents(400 * draw[4])), 0)
    is_over = partial & pays & ~is_short & (draw[3] > 1 - OVERPAYMENT_SHARE)
    overpaid = np.where(is_over, np.minimum(owed // 2, contractual), 0)
    refunded = np.where(draw[5] < REFUNDED_SHARE, overpaid, 0)

    unpaid = (owed > 0) & ~pays
    charity = unpaid & (lines.kind != CO_PAY_LINE) & (draw[6] < CHARITY_SHARE)
    small = unpaid & ~charity & (owed <= SMALL_BALANCE_BELOW)
    statement = np.where(partial, lines.decision_day, lines.entry_day + np.where(uninsured, STATEMENT_AFTER, 0))
    # A denied line goes to the patient where the base story has the patient pay it.
    taken_over = denied & pays & live
    abandoned = denied & ~pays & live & (draw[7] < DENIAL_WRITE_OFF_SHARE)
    unbilled = (lines.kind == INSURED) & (lines.claim_day == NEVER) & live
    half_parts, half_short = [part // 2 for part in parts], short // 2
    half_amount = (lines.amount + 1) // 2
    back = np.where(taken_over, lines.amount, np.where(pays, sum(parts) - short * partial, 0))
    half_back = np.where(taken_over, half_amount, np.where(pays, sum(half_parts) - half_short * partial, 0))

    nothing = np.zeros_like(lines.amount)
    decision, patient = lines.decision_day, lines.patient_day
    small_amount = np.where(small, owed, short)
    small_day = np.where(small, statement + SMALL_BALANCE_AFTER, patient + SHORT_PAYMENT_AFTER)
    # Posting: where, on which day, how much, how much of a halved charge.
    courses: dict[Posting, tuple[Bools, Ints, Ints, Ints]] = {
        Posting.CONTRACTUAL: (agreed, decision, contractual, contractual // 2),
        Posting.DENIAL: (denied, decision, lines.amount, half_amount),
        Posting.DEDUCTIBLE: (partial, decision, parts[0], half_parts[0]),
        Posting.COINSURANCE: (partial, decision, parts[1], half_parts[1]),
        Posting.COPAY: (partial, decision, parts[2], half_parts[2]),
        Posting.DENIED_TO_PATIENT: (
            taken_over,
            np.minimum(decision + DENIED_TO_PATIENT_AFTER, patient),
            lines.amount,
            half_amount,
        ),
        Posting.BACK_TO_PAYER: ((partial | taken_over) & pays, patient, back, half_back),
        Posting.UNINSURED_DISCOUNT: (uninsured, lines.entry_day + STATEMENT_AFTER, discount, discount // 2),
        Posting.CHARITY: (charity, statement + CHARITY_AFTER, owed, owed // 2),
        Posting.SMALL_BALANCE: (small | is_short, small_day, small_amount, small_amount // 2),
        Posting.BAD_DEBT: (unpaid & ~charity & ~small, statement + BAD_DEBT_AFTER, owed, owed // 2),
        Posting.DENIAL_WRITE_OFF: (abandoned, decision + DENIAL_WRITE_OFF_AFTER, lines.amount, half_amount),
        Posting.ADMINISTRATIVE: (unbilled, lines.entry_day + ADMINISTRATIVE_AFTER, lines.amount, half_amount),
        Posting.PATIENT_REFUND: (is_over, patient + PATIENT_REFUND_AFTER, refunded, refunded // 2),
        Posting.PAYER_REFUND: (agreed, decision + PAYER_REFUND_AFTER, overpaid_by_payer, overpaid_by_payer // 2),
    }
    delay = np.where(draw[8] < LATE_KEYED_SHARE, 1 + (draw[8] / LATE_KEYED_SHARE * LATE_KEYED_DAYS).astype(np.int64), 0)
    postings = _postings(courses, delay, _reasons(lines, draw[9]))
    payer_paid = lines.payer_paid - contractual + overpaid_by_payer
    paid_at_last = np.where(
        partial, payer_paid + owed - short + overpaid, lines.amount - np.where(uninsured, discount + short, nothing)
    )
    adjusted_if_halved = contractual // 2 + discount // 2 + half_short - refunded // 2 - overpaid_by_payer // 2
    changed = replace(lines, payer_paid=payer_paid, paid_at_last=paid_at_last, adjusted_if_halved=adjusted_if_halved)
    return replace(hospital, lines=changed), postings


def _cents(amounts: Floats) -> Ints:
    cents: Ints = np.rint(amounts).astype(np.int64)
    return cents


def _reasons(lines: Lines, draw: Floats) -> Ints:
    bounds = np.cumsum(np.array(DENIAL_REASON_SHARES), axis=1)[lines.payer, :-1]
    reasons: Ints = (draw[:, None] >= bounds).sum(axis=1)
    return reasons


def _postings(courses: dict[Posting, tuple[Bools, Ints, Ints, Ints]], delay: Ints, reason: Ints) -> Postings:
    lines = {slot: np.flatnonzero(where & (amount > 0)) for slot, (where, _day, amount, _half) in courses.items()}
    row = np.concatenate([at * SLOTS + slot for slot, at in lines.items()])
    order = np.argsort(row)
    line = row[order] // SLOTS

    def column(part: int) -> Ints:
        values: Ints = np.concatenate([courses[slot][part][at] for slot, at in lines.items()])[order]
        return values

    post_day = column(1)
    return Postings(row[order], post_day, post_day + delay[line], column(2), column(3), reason[line])
