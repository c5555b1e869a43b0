"""Ledger events of a hospital: what each version of its charge lines and adjustments posts and takes back.

Written from docs/month-close.md ("What posts") and the columns of fct_ar_events.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.python.independent_ledger.clocks import Clock
from tests.python.independent_ledger.records import Record, Version

# The sign on accounts receivable of a positive amount in the source. A denial moves no money.
SIGNS = {
    "CHARGE": 1,
    "PAYMENT_INSURANCE": -1,
    "PAYMENT_PATIENT": -1,
    "PAYMENT_UNKNOWN": -1,
    "ADJ_CONTRACTUAL": -1,
    "ADJ_CHARITY": -1,
    "ADJ_UNINSURED_DISCOUNT": -1,
    "ADJ_DENIAL": -1,
    "ADJ_BAD_DEBT": -1,
    "ADJ_SMALL_BALANCE": -1,
    "ADJ_OTHER": -1,
    "REFUND": 1,
    "TRANSFER": -1,
    "DENIAL": 0,
}
PAYMENTS = {"insurance": "PAYMENT_INSURANCE", "patient": "PAYMENT_PATIENT", None: "PAYMENT_UNKNOWN"}
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Event:
    """A posted event, with the columns of fct_ar_events; keys are those of the source."""

    event_type: str
    money_type: str
    is_correction: bool
    payer_group: str
    account: str
    line: str | None
    payer: str | None
    patient: str | None
    provider: str | None
    department: str | None
    service_date: date
    post_date: date
    known_at: datetime
    known_on: date
    amount: Decimal

    @property
    def known_from(self) -> date:
        """Day from which it counts as known."""
        return max(self.post_date, self.known_on)


@dataclass(frozen=True)
class Leg:
    """An amount for which a version stands, in one of the record's slots.

    Args:
        slot: ``charge``, ``payment``, ``adjustment`` or ``transferred``.
        dated: The source's own date of it; None where it names none.
        event: What it posts if it is new.
    """

    slot: str
    dated: date | None
    event: Event


@dataclass
class Slot:
    """One kind of money of one record.

    Args:
        standing: What stands in the ledger of it.
        said: What the version before says of it.
        was_posted: Something of it was posted before, even if nothing stands now.
    """

    standing: list[Event] = field(default_factory=list)
    said: Leg | None = None
    was_posted: bool = False


@dataclass(frozen=True)
class Poster:
    """Posts what the versions of a hospital's records say.

    Args:
        clock: The hospital's clocks, by which moments become days.
    """

    clock: Clock

    def events(self, transactions: Iterable[Record], adjustments: Iterable[Record]) -> list[Event]:
        """Everything that the records posted, in no order."""
        found: list[Event] = []
        for records, legs in ((transactions, self._of_a_charge_line), (adjustments, self._of_an_adjustment)):
            for record in records:
                slots: dict[str, Slot] = defaultdict(Slot)
                for number, version in enumerate(record.versions, start=1):
                    wanted = {leg.slot: leg for leg in legs(record.key, version, number == 1)} if version.values else {}
                    for name in sorted(wanted.keys() | slots.keys()):
                        found += self._post(slots[name], wanted.get(name), version.known_at)
        return found

    def _of_a_charge_line(self, key: str, version: Version, is_first: bool) -> Iterator[Leg]:
        row = version.values or {}
        common = self._common(key, key, row, version.known_at)
        if row.get("charge_amount"):
            known_at = _first_known(version, is_first)
            amount = SIGNS["CHARGE"] * row["charge_amount"]
            yield Leg(
                "charge", row["service_date"], self._event(common, "CHARGE", row["service_date"], known_at, amount)
            )
        if row.get("paid_amount"):
            paid_on = row.get("paid_date")
            known_at = _first_known(version, is_first, self.clock.start(paid_on) if paid_on else None)
            kind = PAYMENTS[row.get("payment_source")]
            post_date = paid_on or self.clock.day(version.known_at)
            amount = SIGNS[kind] * row["paid_amount"]
            yield Leg("payment", paid_on, self._event(common, kind, post_date, known_at, amount))

    def _of_an_adjustment(self, key: str, version: Version, is_first: bool) -> Iterator[Leg]:
        row = version.values or {}
        kind = row["adjustment_type"]
        amount = SIGNS[kind] * row["adjustment_amount"]
        if not amount:
            return
        common = self._common(key, row.get("transaction_id"), row, version.known_at)
        known_at = _first_known(version, is_first)
        event = self._event(common, kind, row["post_date"], known_at, amount)
        yield Leg("adjustment", row["post_date"], event)
        if kind == "TRANSFER":
            # Only the group that owes it now is known, not the payer.
            taken_over = replace(event, payer_group=row["to_payer_group"], payer=None, amount=-amount)
            yield Leg("transferred", row["post_date"], taken_over)

    def _event(self, common: Event, kind: str, post_date: date, known_at: datetime, amount: Decimal) -> Event:
        return replace(
            common,
            event_type=kind,
            money_type=kind,
            post_date=post_date,
            known_at=known_at,
            known_on=self.clock.day(known_at),
            amount=amount,
        )

    def _common(self, key: str, line: str | None, row: Mapping[str, Any], known_at: datetime) -> Event:
        """What all legs of a record share; type, dates and amount are filled in by each."""
        day = self.clock.day(known_at)
        return Event(
            event_type="",
            money_type="",
            is_correction=False,
            payer_group=row.get("payer_group") or "Unknown",
            account=_account(key, line, row.get("encounter_id")),
            line=line,
            payer=row.get("payer_id"),
            patient=row.get("patient_id"),
            provider=row.get("provider_id"),
            department=row.get("department_id"),
            service_date=row.get("service_date") or row.get("post_date") or day,
            post_date=day,
            known_at=known_at,
            known_on=day,
            amount=ZERO,
        )

    def _post(self, slot: Slot, wanted: Leg | None, known_at: datetime) -> list[Event]:
        """What a version posts of one kind of money: nothing, a further payment, or a reversal and what it says now."""
        standing, said = slot.standing, slot.said
        slot.said = wanted
        if wanted and standing and said and _place(wanted.event) == _place(standing[-1]):
            if (wanted.dated, wanted.event.amount) == (said.dated, said.event.amount):
                return []
            if _is_further_payment(wanted, said):
                slot.standing = [*standing, replace(wanted.event, amount=wanted.event.amount - said.event.amount)]
                return slot.standing[-1:]
        day = self.clock.day(known_at)
        corrected: dict[str, Any] = {"is_correction": True, "post_date": day, "known_at": known_at, "known_on": day}
        posted = [
            replace(event, event_type="REVERSAL", amount=-event.amount, **corrected) for event in _summed(standing)
        ]
        slot.standing = []
        if wanted:
            again = replace(wanted.event, **corrected) if slot.was_posted else wanted.event
            slot.standing = [again]
            slot.was_posted = True
            if standing and said and _is_same_money(wanted, said):
                return [*posted, replace(again, event_type="REPOSTING")]
        return posted + slot.standing


def _first_known(version: Version, is_first: bool, not_before: datetime | None = None) -> datetime:
    """A first version that says when it was inserted was known then, whatever changed it before its load."""
    inserted_at: datetime | None = (version.values or {}).get("inserted_at")
    if not is_first or inserted_at is None:
        return version.known_at
    return min(version.known_at, max(inserted_at, not_before or inserted_at))


def _is_further_payment(wanted: Leg, before: Leg) -> bool:
    """More was paid, on a later day than what was paid before; an undated payment is one of its version's day."""
    is_more = wanted.event.amount < before.event.amount
    return wanted.slot == "payment" and is_more and wanted.event.post_date > before.event.post_date


def _is_same_money(wanted: Leg, before: Leg) -> bool:
    """The same amount, which now belongs to another patient, payer, account or day."""
    return (wanted.event.money_type, wanted.event.amount) == (before.event.money_type, before.event.amount)


def _account(key: str, line: str | None, encounter: str | None) -> str:
    """The encounter, or the charge line where it names none; an adjustment of neither is an account of its own."""
    if encounter:
        return f"encounter {encounter}"
    return f"line {line}" if line else f"adjustment {key}"


def _summed(standing: list[Event]) -> list[Event]:
    """Several payments of one line are taken back as one."""
    return [replace(standing[-1], amount=sum((event.amount for event in standing), ZERO))] if standing else []


def _place(event: Event) -> tuple[Any, ...]:
    """What an event says besides its amount and dates: if this changes, it is another event."""
    return (
        event.money_type,
        event.payer_group,
        event.account,
        event.line,
        event.payer,
        event.patient,
        event.provider,
        event.department,
        event.service_date,
    )
