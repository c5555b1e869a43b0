-- Question: Why do payers deny?
-- Reading: Denials posted in the twelve months up to the chosen month, by claim adjustment reason code, of hospitals
-- that send adjustments. The codes' texts are licensed by X12 and not shown.
-- Contracts: denial_reasons
-- Uses: hospitals, as_of
with

reasons as (
    select
        denials.reason_code as slice_name,
        sum(denials.denial_count) as denied_claims,
        sum(denials.denied_amount) as denied_amount
    from gold.kpi_denial_reasons as denials
    inner join as_of on denials.hospital_key = as_of.hospital_key
    where
        denials.month_start_date >= as_of.twelve_months_start_date
        and denials.month_key <= as_of.month_key
        and (:payer_group = 'all' or denials.payer_group = :payer_group)
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
