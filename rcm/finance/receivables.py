"""Accounts receivable as of any day: as known then, as restated now, as signed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from rcm.warehouse.reader import warehouse_rows


@dataclass(frozen=True)
class Receivable:
    """A/R of one hospital as of a day, in USD.

    Args:
        hospital_code: Source system of the hospital.
        payer_group: Payer group; None where the hospital is shown as a whole.
        known_then: Of what was known by the end of that day.
        restated_now: Of all that is known now.
        as_signed: Of the valid close, if the day ends a closed month.
    """

    hospital_code: str
    payer_group: str | None
    known_then: Decimal
    restated_now: Decimal
    as_signed: Decimal | None


def receivables(warehouse: Path, as_of: date, *, by_payer_group: bool = False) -> list[Receivable]:
    """A/R as of a day, by hospital and on request by payer group; empty before the first build.

    Raises:
        WarehouseBusyError: Another process writes to the file.
    """
    group = "payer_group" if by_payer_group else "cast(null as varchar)"
    query = f"""
        select
            hospital_code,
            {group} as payer_group,
            coalesce(sum(ar_delta_amount) filter (basis = 'known'), 0)::decimal(18, 2) as known_then,
            sum(ar_delta_amount) filter (basis = 'restated')::decimal(18, 2) as restated_now,
            -- A signed balance stands at the month ends that were closed.
            case when max(effective_date) filter (basis = 'signed') = $as_of
                then sum(ar_delta_amount) filter (basis = 'signed')
            end::decimal(18, 2) as as_signed
        from gold.fct_ar_balance_changes
        inner join gold.dim_hospital using (hospital_key)
        where effective_date <= $as_of
        group by all
        having count(*) filter (basis = 'restated') > 0
        order by all
        """
    return [Receivable(*row) for row in warehouse_rows(warehouse, query, {"as_of": as_of})]
