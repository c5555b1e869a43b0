-- Question: which payers and departments cause most of what is denied?
-- Reading: pairs of payer and department by the dollars now denied, largest first, for each hospital. Read down to
-- where cumulative_pct passes 80: these few pairs are worth working first. denial_rate_pct is of the pair's decided
-- claims; a high rate on few claims says little.
with

pairs as (
    select
        hospital_key,
        payer_key,
        department_key,
        sum(adjudicated_claims) as adjudicated_claims,
        sum(denied_claims) as denied_claims,
        sum(denied_amount) as denied_amount
    from {{ ref('kpi_denial_rate') }}
    group by hospital_key, payer_key, department_key
),

ranked as (
    select
        *,
        row_number() over (
            partition by hospital_key order by denied_amount desc, payer_key asc, department_key asc
        ) as denial_rank,
        sum(denied_amount) over (
            partition by hospital_key order by denied_amount desc, payer_key asc, department_key asc
            rows between unbounded preceding and current row
        ) as cumulative_amount,
        sum(denied_amount) over (partition by hospital_key) as hospital_denied_amount
    from pairs
    where denied_claims > 0
),

final as (
    select
        hospitals.hospital_name,
        ranked.denial_rank,
        payers.payer_group,
        payers.payer_name,
        departments.department_name,
        ranked.denied_claims,
        ranked.adjudicated_claims,
        {{ safe_divide('ranked.denied_claims * 100', 'ranked.adjudicated_claims') }} as denial_rate_pct,
        ranked.denied_amount,
        {{ safe_divide('ranked.denied_amount * 100', 'ranked.hospital_denied_amount') }} as denied_share_pct,
        {{ safe_divide('ranked.cumulative_amount * 100', 'ranked.hospital_denied_amount') }} as cumulative_pct
    from ranked
    inner join {{ ref('dim_hospital') }} as hospitals on ranked.hospital_key = hospitals.hospital_key
    inner join {{ ref('dim_payer') }} as payers on ranked.payer_key = payers.payer_key
    inner join {{ ref('dim_department') }} as departments
        on ranked.department_key = departments.department_key and departments.is_current
)

select * from final
order by hospital_name asc, denial_rank asc
