-- Question: Which payers and departments cause most of what is denied?
-- Reading: Claims first billed in the twelve months up to the chosen month and now denied, largest first. Read down to
-- where the cumulative share passes 80 %: these few are worth working first. The rate is of the slice's decided
-- claims; a high rate on few claims says little.
-- Contracts: denial_rate, denial_rate_dollars
with

slices as (
    select
        case when :slice = 'department' then departments.department_name else payers.payer_name end as slice_name,
        sum(denials.adjudicated_claims) as adjudicated_claims,
        sum(denials.denied_claims) as denied_claims,
        sum(denials.adjudicated_amount) as adjudicated_amount,
        sum(denials.denied_amount) as denied_amount
    from gold.kpi_denial_rate as denials
    inner join gold.kpi_windows as months
        on
            denials.hospital_key = months.hospital_key
            and denials.claim_month_key between months.first_month_key and months.last_month_key
            and months.kpi_window = 'trailing_12_months'
    left join gold.dim_payer as payers on denials.payer_key = payers.payer_key
    left join gold.dim_department as departments
        on denials.department_key = departments.department_key and departments.is_current
    where
        months.month_key = :month
        and :hospital in ('All hospitals', months.hospital_name)
        and :payer_group in ('All payer groups', denials.payer_group)
    group by case when :slice = 'department' then departments.department_name else payers.payer_name end
)

select
    coalesce(slice_name, 'Unknown') as slice_name,
    denied_claims,
    adjudicated_claims,
    cast(denied_claims as double) * 100 / nullif(adjudicated_claims, 0) as denial_rate_pct,
    denied_amount,
    cast(denied_amount as double) * 100 / nullif(adjudicated_amount, 0) as denied_amount_pct,
    cast(denied_amount as double) * 100 / nullif(sum(denied_amount) over (), 0) as denied_share_pct,
    cast(sum(denied_amount) over (
        order by denied_amount desc, slice_name rows between unbounded preceding and current row
    ) as double) * 100 / nullif(sum(denied_amount) over (), 0) as cumulative_pct
from slices
where denied_claims > 0
order by denied_amount desc, slice_name
