-- Question: Why do payers deny?
-- Reading: Denials posted in the twelve months up to the chosen month, by claim adjustment reason code, of hospitals
-- that send adjustments. The codes' texts are licensed by X12 and not shown.
-- Contracts: denial_reasons
with

reasons as (
    select
        denials.reason_code as slice_name,
        sum(denials.denial_count) as denied_claims,
        sum(denials.denied_amount) as denied_amount
    from gold.kpi_denial_reasons as denials
    inner join gold.kpi_windows as months
        on
            denials.hospital_key = months.hospital_key
            and denials.month_key between months.first_month_key and months.last_month_key
            and months.kpi_window = 'trailing_12_months'
    where
        months.month_key = :month
        and :hospital in ('All hospitals', months.hospital_name)
        and :payer_group in ('All payer groups', denials.payer_group)
    group by denials.reason_code
)

select
    slice_name,
    denied_claims,
    denied_amount,
    cast(denied_amount as double) * 100 / nullif(sum(denied_amount) over (), 0) as denied_share_pct,
    cast(sum(denied_amount) over (
        order by denied_amount desc, slice_name rows between unbounded preceding and current row
    ) as double) * 100 / nullif(sum(denied_amount) over (), 0) as cumulative_pct
from reasons
order by denied_amount desc, slice_name
