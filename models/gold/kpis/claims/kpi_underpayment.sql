-- Statistical: there is no contract to hold a payment against, only what the same payer allows for the same procedure.
-- A median of fewer claims than this says nothing.
{%- set fewest_claims = 10 %}

with

claims as (
    select
        hospital_key,
        payer_key,
        payer_group,
        procedure_key,
        allowed_amount,
        cast({{ dbt.date_trunc('month', 'first_billed_date') }} as date) as claim_month_start_date
    from {{ ref('fct_claims') }}
    where is_last_submission and allowed_amount is not null and procedure_key not in ('-1', '-2')
),

medians as (
    select
        hospital_key,
        payer_key,
        payer_group,
        procedure_key,
        cast({{ percentile('allowed_amount', 0.5) }} as decimal(18, 2)) as median_allowed_amount
    from claims
    group by hospital_key, payer_key, payer_group, procedure_key
    having count(*) >= {{ fewest_claims }}
),

compared as (
    select
        claims.*,
        medians.median_allowed_amount,
        greatest(medians.median_allowed_amount - claims.allowed_amount, 0) as short_amount
    from claims
    inner join medians
        on
            claims.hospital_key = medians.hospital_key
            and claims.payer_key = medians.payer_key
            and claims.payer_group = medians.payer_group
            and claims.procedure_key = medians.procedure_key
),

final as (
    select
        {{ generate_surrogate_key([
            'hospital_key', 'payer_key', 'payer_group', 'procedure_key', 'claim_month_start_date'
        ]) }} as underpayment_key,
        hospital_key,
        payer_key,
        payer_group,
        procedure_key,
        {{ month_key('claim_month_start_date') }} as claim_month_key,
        claim_month_start_date,
        median_allowed_amount,
        count(*) as compared_claims,
        count(*) filter (where short_amount > 0) as short_claims,
        cast(sum(allowed_amount) as decimal(18, 2)) as allowed_amount,
        cast(count(*) * median_allowed_amount as decimal(18, 2)) as expected_amount,
        cast(sum(short_amount) as decimal(18, 2)) as short_amount,
        {{ safe_divide('sum(short_amount) * 100', 'count(*) * median_allowed_amount') }} as short_pct
    from compared
    group by
        hospital_key, payer_key, payer_group, procedure_key, claim_month_start_date, median_allowed_amount
)

select * from final
