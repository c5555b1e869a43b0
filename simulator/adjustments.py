"""The adjustments table: what a hospital posts on a charge line beside the charge and its payments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.charges import claim_numbers
from simulator.columns import Bools, Ints, blank, date_text, id_text, money, stream, timestamp_text, words
from simulator.day_changes import SETTLED_BY_DAY, Changes
from simulator.defects import ADJUSTMENT_DEFECTS, ADJUSTMENT_TWIN, Plan, Planted, draw_plan, plant, without
from simulator.parameters import LINES_OF_BUSINESS, PAYERS
from simulator.people import department_id, patient_id, provider_id
from simulator.remittance import Postings
from simulator.remittance_habits import (
    CHANGED_SHARE,
    CONTRACTUAL_REASON,
    DENIAL_REASONS,
    ON_CLAIM,
    PATIENT_REASONS,
    TIMELY_FILING_REASON,
    TRANSFERS,
    TYPE_WORDS,
    WRITE_OFFS,
    Posting,
)
from simulator.world import Hospital

_TEXTS = (
    "AdjustmentID",
    "TransactionID",
    "EncounterID",
    "PatientID",
    "ProviderID",
    "DeptID",
    "ClaimID",
    "PayorID",
    "LineOfBusiness",
    "ToLineOfBusiness",
    "AdjustmentType",
    "GroupCode",
    "ReasonCode",
    "ServiceDate",
    "PostDate",
)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("Amount", pa.float64()),
        ("InsertDate", pa.string()),
        ("ModifiedDate", pa.string()),
    ]
)
_SELF_PAY = len(PAYERS) - 1
# Balances of the patient: those of insured lines have been transferred to the patient before.
_OF_PATIENT = (Posting.BACK_TO_PAYER, Posting.CHARITY, Posting.SMALL_BALANCE, Posting.BAD_DEBT)
_REASON_WORDS = (None, CONTRACTUAL_REASON, *PATIENT_REASONS, TIMELY_FILING_REASON, *DENIAL_REASONS)
_NO_REASON, _OF_CONTRACT, _FIRST_OF_PATIENT, _TIMELY_FILING, _FIRST_OF_DENIAL = 0, 1, 2, 5, 6


@dataclass(frozen=True)
class Feed:
    """The adjustments of one hospital: every posting, planted defects, and rows that change by hand.

    ``corrected`` and ``voided`` hold the rows that change on day 1, 2, ... in order. Rows also follow their charge
    line where it is corrected or voided; defective rows never change.
    """

    postings: Postings
    plan: Plan
    corrected: tuple[Ints, ...]
    voided: tuple[Ints, ...]


@dataclass(frozen=True)
class _State:
    """The postings on one day."""

    visible: Bools
    amount: Ints
    modified: Ints


def no_adjustments() -> Planted:
    """The table of a hospital without the feed: it is there, and empty."""
    return Planted(_SCHEMA.empty_table(), np.zeros(0, dtype=np.int8), {})


def feed(hospital: Hospital, postings: Postings, day: int) -> Feed:
    """Plan defects and changes by hand; the part about earlier days is the same for every later day."""
    seed, index = hospital.seed, hospital.habits.index
    settled = postings.known_day <= SETTLED_BY_DAY
    slot, row = postings.slot, postings.row

    def among(slots: tuple[Posting, ...]) -> Ints:
        return row[settled & np.isin(slot, slots)]

    plan = draw_plan(
        stream(seed, index, 21),
        row[settled],
        int((postings.known_day <= 0).sum()),
        tuple(ADJUSTMENT_DEFECTS),
        fitting={
            "transfer_without_target": among(TRANSFERS),
            "denial_without_reason": among((Posting.DENIAL,)),
            "claim_id_not_found": among(ON_CLAIM),
        },
    )
    write_offs = stream(seed, index, 22).permutation(without(among(WRITE_OFFS), plan.rows()))
    contractual = stream(seed, index, 23).permutation(without(among((Posting.CONTRACTUAL,)), plan.rows()))
    few, some = (max(1, round(CHANGED_SHARE * len(rows))) for rows in (write_offs, contractual))
    days = range(day)
    corrected = tuple(
        np.concatenate([write_offs[2 * few * d : 2 * few * d + few], contractual[some * d : some * (d + 1)]])
        for d in days
    )
    voided = tuple(write_offs[2 * few * d + few : 2 * few * (d + 1)] for d in days)
    return Feed(postings, plan, corrected, voided)


def _touched(feed: Feed, changes: Changes, day: int) -> tuple[Bools, Bools]:
    """Rows that are corrected and rows that are voided on ``day``, 1 or later, if they are known by then."""
    line, row, change = feed.postings.line, feed.postings.row, changes.on(day)
    corrected = np.isin(line, change.corrected_lines) | np.isin(row, feed.corrected[day - 1])
    voided = np.isin(line, change.voided_lines) | np.isin(row, feed.voided[day - 1])
    healthy = ~np.isin(row, feed.plan.rows())
    return corrected & healthy, voided & healthy


def _state(feed: Feed, changes: Changes, day: int) -> _State:
    postings = feed.postings
    visible, modified = postings.known_day <= day, postings.known_day.copy()
    halved, void = np.zeros_like(visible), np.zeros_like(visible)
    for d in range(1, day + 1):
        corrected, voided = _touched(feed, changes, d)
        # What would have been posted on a charge that is void by then never is.
        visible &= ~(voided & (postings.known_day > d))
        halved, void = halved | corrected, void | voided
        modified = np.where(corrected | voided, np.maximum(modified, d), modified)
    amount = np.where(void, 0, np.where(halved, postings.halved, postings.amount))
    return _State(visible, amount, modified)


def visible_adjustments(feed: Feed, changes: Changes, day: int) -> Ints:
    """Rows that the database holds at the end of ``day``."""
    return feed.postings.row[_state(feed, changes, day).visible]


def new_versions(feed: Feed, changes: Changes, day: int) -> int:
    """How many versions became visible after day 0 and up to ``day``; a row has at most one a day."""
    known = feed.postings.known_day
    never, count = np.zeros(len(known), dtype=bool), 0
    for d in range(1, day + 1):
        corrected, voided = _touched(feed, changes, d)
        never |= voided & (known > d)
        count += int((~never & ((known == d) | ((known < d) & (corrected | voided)))).sum())
    return count


def planted_adjustments(hospital: Hospital, feed: Feed, changes: Changes, day: int) -> Planted:
    """The adjustments table at the end of ``day`` with its defects."""
    state = _state(feed, changes, day)
    table = _table(hospital, feed.postings, state)
    return plant(table, feed.postings.row[state.visible], feed.plan, ADJUSTMENT_DEFECTS, ADJUSTMENT_TWIN)


def _table(hospital: Hospital, postings: Postings, state: _State) -> pa.Table:
    lines, encounters, habits = hospital.lines, hospital.encounters, hospital.habits
    shown = state.visible
    line, slot, known = postings.line[shown], postings.slot[shown], postings.known_day[shown]
    encounter, payer = lines.encounter[line], lines.payer[line]
    provider = encounters.provider[encounter]
    # A co-payment is collected at the desk and never transferred.
    of_patient = np.isin(slot, _OF_PATIENT) & (lines.claim_day[line] < postings.post_day[shown])
    whose = np.where(of_patient, _SELF_PAY, payer)
    target = np.where(slot == Posting.BACK_TO_PAYER, payer, _SELF_PAY)
    reason, group = _reasons(slot, postings.reason[shown])
    return pa.table(
        {
            "AdjustmentID": id_text("ADJ", postings.row[shown] + 1, 8),
            "TransactionID": id_text("TRANS", line + 1),
            "EncounterID": id_text("ENC", encounter + 1),
            "PatientID": patient_id(encounters.patient[encounter]),
            "ProviderID": provider_id(habits, provider),
            "DeptID": department_id(hospital.providers.department[provider]),
            "ClaimID": blank(id_text("CLAIM", claim_numbers(hospital)[line]), ~np.isin(slot, ON_CLAIM)),
            "PayorID": words(PAYERS, whose),
            "LineOfBusiness": words(LINES_OF_BUSINESS, whose),
            "ToLineOfBusiness": blank(words(LINES_OF_BUSINESS, target), ~np.isin(slot, TRANSFERS)),
            "AdjustmentType": words(TYPE_WORDS[habits.system], slot),
            "GroupCode": words((None, "CO", "PR"), group),
            "ReasonCode": words(_REASON_WORDS, reason),
            "ServiceDate": date_text(lines.service_day[line]),
            "PostDate": date_text(postings.post_day[shown]),
            "Amount": money(state.amount[shown]),
            "InsertDate": date_text(known),
            "ModifiedDate": timestamp_text(state.modified[shown], lines.seconds[line]),
        },
        schema=_SCHEMA,
    )


def _reasons(slot: Ints, denial: Ints) -> tuple[Ints, Ints]:
    """Positions of the reason codes, and of the group codes among none, CO and PR."""
    by_patient = (slot >= Posting.DEDUCTIBLE) & (slot <= Posting.COPAY)
    of_denial = np.isin(slot, (Posting.DENIAL, Posting.DENIED_TO_PATIENT, Posting.DENIAL_WRITE_OFF))
    reason = np.select(
        [slot == Posting.CONTRACTUAL, by_patient, of_denial, slot == Posting.ADMINISTRATIVE],
        [_OF_CONTRACT, _FIRST_OF_PATIENT + slot - Posting.DEDUCTIBLE, _FIRST_OF_DENIAL + denial, _TIMELY_FILING],
        _NO_REASON,
    )
    group = np.where(by_patient | (slot == Posting.DENIED_TO_PATIENT), 2, np.where(reason != _NO_REASON, 1, 0))
    return reason, group
