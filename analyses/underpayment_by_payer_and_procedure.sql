-- Question: which payers allow less for a procedure than they themselves usually do?
-- Reading: for each payer and procedure with at least ten decided claims, what the claims below the median allowed
-- amount lack to it. Statistical: the hospital's contracts are not here, and where charges vary freely half of all
-- claims lie below the median. Look at a pair with a large short_amount and a large short_pct beside its contract; it
-- is a list of where to look, not of what is owed.
with

pairs as (
    select
        hospital_key,
        payer_key,
        procedure_key,
        median_allowed_amount,
        sum(compared_claims) as compared_claims,
        sum(short_claims) as short_claims,
        sum(expected_amount) as expected_amount,
        sum(allowed_amount) as allowed_amount,
        sum(short_amount) as short_amount
    from {{ ref('kpi_underpayment') }}
    group by hospital_key, payer_key, procedure_key, median_allowed_amount
),

final as (
    select
        hospitals.hospital_name,
        payers.payer_group,
        payers.payer_name,
        dim_procedure.procedure_code,
        pairs.compared_claims,
        pairs.short_claims,
        pairs.median_allowed_amount,
        pairs.expected_amount,
        pairs.allowed_amount,
        pairs.short_amount,
        {{ safe_divide('pairs.short_amount * 100', 'pairs.expected_amount') }} as short_pct
    from pairs
    inner join {{ ref('dim_hospital') }} as hospitals on pairs.hospital_key = hospitals.hospital_key
    inner join {{ ref('dim_payer') }} as payers on pairs.payer_key = payers.payer_key
    inner join {{ ref('dim_procedure') }} as dim_procedure on pairs.procedure_key = dim_procedure.procedure_key
    where pairs.short_amount > 0
)

select * from final
order by short_amount desc, hospital_name asc, payer_name asc, procedure_code asc
