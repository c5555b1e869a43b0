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
        as_signed: Of the close in force, where the day ends a closed month.
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
    group = "events.payer_group" if by_payer_group else "cast(null as varchar)"
    signed_group = "payer_group" if by_payer_group else "cast(null as varchar)"
    query = f"""
        with
        balances as (
            select
                hospital_key,
                hospital_code,
                {group} as payer_group,
                coalesce(sum(ar_delta_amount) filter (cast(known_at as date) <= $as_of), 0) as known_then,
                sum(ar_delta_amount) as restated_now
            from gold.fct_ar_events as events
            inner join gold.dim_hospital using (hospital_key)
            where post_date <= $as_of
            group by all
        ),

        signed as (
            select hospital_key, {signed_group} as payer_group, sum(closing_amount) as as_signed
            from gold.fct_month_close
            where is_in_force and month_key = year($as_of) * 100 + month($as_of) and $as_of = last_day($as_of)
            group by all
        )

        select
            hospital_code,
            balances.payer_group,
            known_then::decimal(18, 2),
            restated_now::decimal(18, 2),
            as_signed::decimal(18, 2)
        from balances
        left join signed
            on balances.hospital_key = signed.hospital_key
            and balances.payer_group is not distinct from signed.payer_group
        order by all
        """
    return [Receivable(*row) for row in warehouse_rows(warehouse, query, {"as_of": as_of})]
