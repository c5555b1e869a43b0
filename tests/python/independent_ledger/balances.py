"""Months of a ledger, balances at their ends on each basis, aging, the roll-forward and closed months.

Written from docs/month-close.md, domain.md and the columns of dim_ledger_month, fct_ar_account_balances_monthly,
fct_ar_balances_monthly and fct_ar_rollforward_monthly.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from tests.python.independent_ledger.ledger import ZERO, Event

# Column of the roll-forward in which each type of event stands.
COLUMNS = {
    "CHARGE": "charge_amount",
    "PAYMENT_INSURANCE": "insurance_payment_amount",
    "PAYMENT_PATIENT": "patient_payment_amount",
    "PAYMENT_UNKNOWN": "unknown_payment_amount",
    "ADJ_CONTRACTUAL": "contractual_adjustment_amount",
    "ADJ_CHARITY": "charity_adjustment_amount",
    "ADJ_UNINSURED_DISCOUNT": "uninsured_discount_amount",
    "ADJ_DENIAL": "denial_write_off_amount",
    "ADJ_BAD_DEBT": "bad_debt_write_off_amount",
    "ADJ_SMALL_BALANCE": "small_balance_write_off_amount",
    "ADJ_OTHER": "other_adjustment_amount",
    "REFUND": "refund_amount",
    "TRANSFER": "transfer_amount",
    "REVERSAL": "reversal_amount",
    "REPOSTING": "reversal_amount",
}
BUCKETS = ((30, "0-30"), (60, "31-60"), (90, "61-90"), (120, "91-120"), (180, "121-180"))


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month of a day."""
        return cls(day.year, day.month)

    @property
    def key(self) -> int:
        """Yyyymm."""
        return self.year * 100 + self.number

    @property
    def start(self) -> date:
        """First day."""
        return date(self.year, self.number, 1)

    @property
    def end(self) -> date:
        """Last day."""
        return self.after(1).start - timedelta(days=1)

    def after(self, count: int) -> "Month":
        """So many months later; earlier with a negative number."""
        months = self.year * 12 + self.number - 1 + count
        return Month(months // 12, months % 12 + 1)

    def to(self, last: "Month") -> Iterator["Month"]:
        """This month and all up to another one."""
        month = self
        while month <= last:
            yield month
            month = month.after(1)


@dataclass(frozen=True)
class Balance:
    """An open balance of an account at a month end."""

    month: int
    basis: str
    payer_group: str
    account: str
    as_of: date
    aged_from: date
    bucket: str
    amount: Decimal

    @property
    def age(self) -> int:
        """Days."""
        return (self.as_of - self.aged_from).days


@dataclass(frozen=True)
class Close:
    """The close of a month that is in force: version, and signed closing amount and lines by payer group."""

    version: int
    lines: Mapping[str, Mapping[str, Decimal]]


@dataclass
class Line:
    """A month of a payer group in the roll-forward."""

    month: int
    payer_group: str
    is_closed: bool
    version: int | None
    amounts: dict[str, Decimal] = field(default_factory=dict)
    opening: Decimal = ZERO
    restatement: Decimal = ZERO
    closing: Decimal = ZERO
    restated_closing: Decimal = ZERO


@dataclass(frozen=True)
class Ledger:
    """All events of one hospital."""

    events: Sequence[Event]

    @property
    def months(self) -> list[Month]:
        """From the month of the first posting to that of the last."""
        days = [event.post_date for event in self.events]
        return list(Month.of(min(days)).to(Month.of(max(days)))) if days else []

    @property
    def last_day(self) -> date:
        """The last posted day."""
        return max(event.post_date for event in self.events)

    def as_of(self, month: Month) -> date:
        """The day on which a month's measures stand."""
        return min(month.end, self.last_day)

    @property
    def payer_groups(self) -> list[str]:
        """Every payer group with an event."""
        return sorted({event.payer_group for event in self.events})


def balances(ledger: Ledger) -> Iterator[Balance]:
    """Open balances at each month end, as restated now and as known then."""
    by_account: dict[str, list[Event]] = defaultdict(list)
    for event in ledger.events:
        by_account[event.account].append(event)
    for month in ledger.months:
        day = ledger.as_of(month)
        for account, posted in by_account.items():
            for basis, counted in (
                ("restated", [event for event in posted if event.post_date <= day]),
                ("known", [event for event in posted if event.known_from <= day]),
            ):
                yield from _open(month, basis, account, day, counted)


def _open(month: Month, basis: str, account: str, day: date, counted: Sequence[Event]) -> Iterator[Balance]:
    owed: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for event in counted:
        owed[event.payer_group] += event.amount
    for payer_group, amount in owed.items():
        if amount:
            aged_from = _aged_from(counted, payer_group)
            yield Balance(
                month.key, basis, payer_group, account, day, aged_from, bucket((day - aged_from).days), amount
            )


def _aged_from(counted: Sequence[Event], payer_group: str) -> date:
    """Last service of the account that is still charged; without one, its first posting to the payer group."""
    charged: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for event in counted:
        if event.money_type == "CHARGE":
            charged[event.service_date] += event.amount
    services = [service for service, amount in charged.items() if amount]
    return max(services) if services else min(one.post_date for one in counted if one.payer_group == payer_group)


def bucket(age: int) -> str:
    """The aging bucket of an age in days."""
    return next((name for last, name in BUCKETS if age <= last), ">180")


def rollforward(ledger: Ledger, closes: Mapping[int, Close]) -> list[Line]:
    """Every month of the ledger for every payer group: closed months as signed, later news in the first open one.

    Args:
        ledger: Events of the hospital.
        closes: Closes in force by month, yyyymm.
    """
    lines = []
    last_closed = max(closes, default=0)
    for payer_group in ledger.payer_groups:
        reported = restated = ZERO
        for month in ledger.months:
            amounts = _amounts(event for event in _of(ledger, payer_group) if Month.of(event.post_date) == month)
            restated += sum(amounts.values(), ZERO)
            line = Line(
                month.key, payer_group, month.key <= last_closed, None, amounts, reported, restated_closing=restated
            )
            if line.is_closed:
                _sign(line, closes.get(month.key))
            else:
                line.restatement = restated - reported - sum(amounts.values(), ZERO)
                line.closing = restated
            reported = line.closing
            lines.append(line)
    return lines


def _of(ledger: Ledger, payer_group: str) -> Iterator[Event]:
    return (event for event in ledger.events if event.payer_group == payer_group)


def _amounts(posted: Iterable[Event]) -> dict[str, Decimal]:
    amounts = dict.fromkeys(COLUMNS.values(), ZERO)
    for event in posted:
        amounts[COLUMNS[event.event_type]] += event.amount
    return amounts


def _sign(line: Line, close: Close | None) -> None:
    """Show what was signed; a payer group, or a month, that had nothing then is signed with nothing."""
    signed = close.lines.get(line.payer_group, {}) if close else {}
    line.version = close.version if close and signed else None
    line.opening = signed.get("opening_amount", ZERO)
    line.restatement = signed.get("restatement_amount", ZERO)
    line.closing = signed.get("closing_amount", ZERO)
    line.amounts = {name: signed.get(name, ZERO) or ZERO for name in COLUMNS.values()}
