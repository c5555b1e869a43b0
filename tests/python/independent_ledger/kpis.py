"""The KPIs that follow from the ledger alone, from the formulas of their contracts (docs/kpi-dictionary.md)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tests.python.independent_ledger.balances import Balance, Ledger, Month
from tests.python.independent_ledger.ledger import ZERO, Event

MATURE_DAYS = 120
POINT_OF_SERVICE_DAYS = 7
CASH = ("PAYMENT_INSURANCE", "PAYMENT_PATIENT", "PAYMENT_UNKNOWN", "REFUND")
WRITE_OFFS = {
    "bad_debt": ("ADJ_BAD_DEBT",),
    "charity_care": ("ADJ_CHARITY",),
    "uninsured_discounts": ("ADJ_UNINSURED_DISCOUNT",),
    "uncompensated_care": ("ADJ_UNINSURED_DISCOUNT", "ADJ_BAD_DEBT", "ADJ_CHARITY"),
}

AMOUNTS = ("ar_balance", "credit_balances")
DAYS = ("gross_days_in_ar",)

# The window of each KPI, besides the month by itself.
WINDOWS = {
    "ar_balance": "month",
    "credit_balances": "month",
    "gross_days_in_ar": "month",
    "ar_over_90_days": "month",
    "payer_mix": "trailing_12_months",
    "point_of_service_collection": "trailing_12_months",
    **dict.fromkeys(WRITE_OFFS, "trailing_12_months"),
    "gross_collection": "mature_cohorts",
    "collected_within_three_months": "cohorts_past_3_months",
}


@dataclass(frozen=True)
class Measure:
    """Numerator and denominator of a KPI in one month and slice; NULL where the KPI says nothing of it."""

    kpi: str
    month: Month
    numerator: Decimal | None
    denominator: Decimal | None = None
    payer_group: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Value:
    """A KPI as of a month, over its window."""

    kpi: str
    window: str
    month: int
    payer_group: str
    split: str | None
    numerator: Decimal | None
    denominator: Decimal | None

    @property
    def value(self) -> Decimal | None:
        """In the KPI's unit, to four decimals; None over nothing."""
        if self.kpi in AMOUNTS:
            return self.numerator
        if self.numerator is None or not self.denominator:
            return None
        share = self.numerator / self.denominator * (1 if self.kpi in DAYS else 100)
        return share.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)


def window(name: str, month: Month, as_of: date) -> tuple[Month, Month]:
    """First and last month that count in a KPI's value as of a month."""
    if name == "trailing_12_months":
        return month.after(-11), month
    if name == "mature_cohorts":
        last = Month.of(as_of)
        while (as_of - last.end).days < MATURE_DAYS:
            last = last.after(-1)
        return month.after(-15), last
    if name == "cohorts_past_3_months":
        return month.after(-15), month.after(-3)
    return month, month


def values(ledger: Ledger, open_balances: Sequence[Balance], feed_from: date | None) -> Iterator[Value]:
    """All values of a hospital.

    Args:
        ledger: Its events.
        open_balances: Its balances at month ends, on all bases.
        feed_from: Post date of its first adjustment; None where it sends none.
    """
    found = defaultdict(list)
    for measure in measures(ledger, open_balances, feed_from):
        found[measure.kpi].append(measure)
    for kpi, name in WINDOWS.items():
        for month in ledger.months:
            first, last = window(name, month, ledger.as_of(month))
            yield from _sums(kpi, name, month, [one for one in found[kpi] if first <= one.month <= last])


def _sums(kpi: str, name: str, month: Month, counted: Sequence[Measure]) -> Iterator[Value]:
    slices: dict[tuple[str, str | None], list[Measure]] = defaultdict(list)
    for measure in counted:
        slices["All payer groups", measure.split].append(measure)
        if measure.payer_group is not None:
            slices[measure.payer_group, measure.split].append(measure)
    for (payer_group, split), parts in slices.items():
        numerator = _sum(part.numerator for part in parts)
        denominator = _sum(part.denominator for part in parts)
        yield Value(kpi, name, month.key, payer_group, split, numerator, denominator)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if known else None


def measures(ledger: Ledger, open_balances: Sequence[Balance], feed_from: date | None) -> Iterator[Measure]:
    """Every KPI's parts by month and slice."""
    restated = [balance for balance in open_balances if balance.basis == "restated"]
    for month in ledger.months:
        of_month = [balance for balance in restated if balance.month == month.key]
        yield from _receivables(ledger, month, of_month)
        yield from _of_month(ledger, month, feed_from)
    yield from _cohorts(ledger)


def _receivables(ledger: Ledger, month: Month, of_month: Sequence[Balance]) -> Iterator[Measure]:
    owed = sum((balance.amount for balance in of_month), ZERO)
    credit = sum((-balance.amount for balance in of_month if balance.amount < 0), ZERO)
    revenue, days = three_months(ledger, month)
    yield Measure("ar_balance", month, owed)
    yield Measure("credit_balances", month, credit)
    yield Measure("gross_days_in_ar", month, None if revenue is None else owed * days, revenue)
    for payer_group in {balance.payer_group for balance in of_month}:
        debits = [one for one in of_month if one.payer_group == payer_group and one.amount > 0]
        old = sum((one.amount for one in debits if one.age > 90), ZERO)
        yield Measure("ar_over_90_days", month, old, sum((one.amount for one in debits), ZERO), payer_group=payer_group)


def three_months(ledger: Ledger, month: Month) -> tuple[Decimal | None, int]:
    """Charges of the last three full months and the days in them; None where the ledger does not hold all three."""
    last = month if ledger.as_of(month) == month.end else month.after(-1)
    first = last.after(-2)
    days = (last.end - first.start).days + 1
    if first < ledger.months[0]:
        return None, days
    return _sum_of(ledger.events, lambda event: _is_charge(event) and first.start <= event.post_date <= last.end), days


def _is_charge(event: Event) -> bool:
    return event.money_type == "CHARGE"


def _is_cash(event: Event) -> bool:
    return event.money_type in CASH


def _sum_of(events: Iterable[Event], counts: Callable[[Event], bool]) -> Decimal:
    return sum((event.amount for event in events if counts(event)), ZERO)


def _of_month(ledger: Ledger, month: Month, feed_from: date | None) -> Iterator[Measure]:
    posted = [event for event in ledger.events if Month.of(event.post_date) == month]
    gross = _sum_of(posted, _is_charge)
    patients = [event for event in posted if event.event_type == "PAYMENT_PATIENT" and not event.is_correction]
    if patients:
        soon = timedelta(days=POINT_OF_SERVICE_DAYS)
        yield Measure(
            "point_of_service_collection",
            month,
            -_sum_of(patients, lambda event: event.post_date - event.service_date <= soon),
            -_sum_of(patients, lambda _: True),
        )
    for payer_group in ledger.payer_groups:
        of_group = [event for event in posted if event.payer_group == payer_group]
        charged = _sum_of(of_group, _is_charge)
        if any(_is_charge(event) and event.payer_group == payer_group for event in ledger.events):
            yield Measure("payer_mix", month, charged, gross, payer_group=payer_group, split=payer_group)
        if feed_from and month >= Month.of(feed_from) and of_group:
            for kpi, kinds in WRITE_OFFS.items():
                given_up = -sum((event.amount for event in of_group if event.money_type in kinds), ZERO)
                yield Measure(kpi, month, given_up, charged, payer_group=payer_group)


def _cohorts(ledger: Ledger) -> Iterator[Measure]:
    by_service: dict[Month, list[Event]] = defaultdict(list)
    for event in ledger.events:
        by_service[Month.of(event.service_date)].append(event)
    for month, events in by_service.items():
        for payer_group in {event.payer_group for event in events if _is_charge(event) or _is_cash(event)}:
            of_group = [event for event in events if event.payer_group == payer_group]
            paid, charged = -_sum_of(of_group, _is_cash), _sum_of(of_group, _is_charge)
            yield Measure("gross_collection", month, paid, charged, payer_group=payer_group)
        third = month.after(3)
        if ledger.months and ledger.as_of(third) == third.end:
            early = [event for event in events if event.post_date <= third.end]
            soon = -_sum_of(early, _is_cash)
            yield Measure("collected_within_three_months", month, soon, _sum_of(events, _is_charge))
