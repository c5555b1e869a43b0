-- Question: which procedures bring the most charges, and how much of them is paid?
-- Reading: the 20 procedures with the highest charges of each hospital, from its current charge lines. cumulative_pct
-- says how much of all its charges they make together. A high rank with a low payment_pct is where a review of prices,
-- coding or contracts pays.
with

procedures as (
    select
        hospital_key,
        procedure_key,
        count(*) as charge_lines,
        sum(charge_amount) as charge_amount,
        sum(paid_amount) as paid_amount
    from {{ ref('fct_transactions') }}
    group by hospital_key, procedure_key
),

ranked as (
    select
        *,
        row_number() over (partition by hospital_key order by charge_amount desc, procedure_key asc) as charge_rank,
        sum(charge_amount) over (
            partition by hospital_key order by charge_amount desc, procedure_key asc
            rows between unbounded preceding and current row
        ) as cumulative_amount,
        sum(charge_amount) over (partition by hospital_key) as hospital_charge_amount
    from procedures
),

final as (
    select
        hospitals.hospital_name,
        ranked.charge_rank,
        dim_procedure.procedure_code,
        dim_procedure.procedure_category,
        ranked.charge_lines,
        ranked.charge_amount,
        ranked.paid_amount,
        {{ safe_divide('ranked.paid_amount * 100', 'ranked.charge_amount') }} as payment_pct,
        {{ safe_divide('ranked.charge_amount * 100', 'ranked.hospital_charge_amount') }} as charge_share_pct,
        {{ safe_divide('ranked.cumulative_amount * 100', 'ranked.hospital_charge_amount') }} as cumulative_pct
    from ranked
    inner join {{ ref('dim_hospital') }} as hospitals on ranked.hospital_key = hospitals.hospital_key
    inner join {{ ref('dim_procedure') }} as dim_procedure on ranked.procedure_key = dim_procedure.procedure_key
    where ranked.charge_rank <= 20
)

select * from final
order by hospital_name asc, charge_rank asc
