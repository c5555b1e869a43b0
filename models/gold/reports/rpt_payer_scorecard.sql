-- Percentiles do not add up: they are taken per payer over the twelve months, never over groups of payers.
with

windows as (
    select *
    from {{ within_warehouse(ref('kpi_windows')) }}
    where kpi_window = 'trailing_12_months'
),

claims as (
    select
        windows.month_key,
        claims.hospital_key,
        claims.payer_key,
        count(*) as billed_claims,
        {{ percentile('case when claims.bill_to_payment_days >= 0 then claims.bill_to_payment_days end', 0.5) }}
            as median_payment_days,
        {{ percentile('case when claims.bill_to_payment_days >= 0 then claims.bill_to_payment_days end', 0.9) }}
            as p90_payment_days,
        sum(claims.open_amount) as open_amount
    from {{ within_warehouse(ref('fct_claims')) }} as claims
    inner join windows
        on
            claims.hospital_key = windows.hospital_key
            and {{ month_key('claims.first_billed_date') }} between windows.first_month_key and windows.last_month_key
            and claims.first_billed_date <= windows.as_of_date
    where claims.is_last_submission
    group by windows.month_key, claims.hospital_key, claims.payer_key
),

turnaround as (
    select
        windows.month_key,
        kpi.hospital_key,
        kpi.payer_key,
        sum(kpi.due_30_claims) as due_30_claims,
        sum(kpi.paid_in_30_claims) as paid_in_30_claims,
        sum(kpi.due_45_claims) as due_45_claims,
        sum(kpi.paid_in_45_claims) as paid_in_45_claims,
        sum(kpi.due_60_claims) as due_60_claims,
        sum(kpi.paid_in_60_claims) as paid_in_60_claims
    from {{ within_warehouse(ref('kpi_payer_turnaround')) }} as kpi
    inner join windows
        on
            kpi.hospital_key = windows.hospital_key
            and kpi.claim_month_key between windows.first_month_key and windows.last_month_key
    group by windows.month_key, kpi.hospital_key, kpi.payer_key
),

denials as (
    select
        windows.month_key,
        kpi.hospital_key,
        kpi.payer_key,
        sum(kpi.adjudicated_claims) as adjudicated_claims,
        sum(kpi.denied_claims) as denied_claims
    from {{ within_warehouse(ref('kpi_denial_rate')) }} as kpi
    inner join windows
        on
            kpi.hospital_key = windows.hospital_key
            and kpi.claim_month_key between windows.first_month_key and windows.last_month_key
    group by windows.month_key, kpi.hospital_key, kpi.payer_key
),

underpayment as (
    select
        windows.month_key,
        kpi.hospital_key,
        kpi.payer_key,
        sum(kpi.short_amount) as short_amount,
        sum(kpi.expected_amount) as expected_amount
    from {{ within_warehouse(ref('kpi_underpayment')) }} as kpi
    inner join windows
        on
            kpi.hospital_key = windows.hospital_key
            and kpi.claim_month_key between windows.first_month_key and windows.last_month_key
    group by windows.month_key, kpi.hospital_key, kpi.payer_key
),

final as (
    select
        claims.hospital_key,
        hospitals.hospital_name,
        claims.month_key,
        claims.payer_key,
        payers.payer_name,
        payers.payer_group,
        claims.billed_claims,
        claims.median_payment_days,
        claims.p90_payment_days,
        {{ safe_divide('turnaround.paid_in_30_claims * 100', 'turnaround.due_30_claims') }} as paid_in_30_pct,
        {{ safe_divide('turnaround.paid_in_45_claims * 100', 'turnaround.due_45_claims') }} as paid_in_45_pct,
        {{ safe_divide('turnaround.paid_in_60_claims * 100', 'turnaround.due_60_claims') }} as paid_in_60_pct,
        {{ safe_divide('denials.denied_claims * 100', 'denials.adjudicated_claims') }} as denial_rate_pct,
        cast(coalesce(underpayment.short_amount, 0) as decimal(18, 2)) as short_amount,
        {{ safe_divide('underpayment.short_amount * 100', 'underpayment.expected_amount') }} as short_pct,
        cast(claims.open_amount as decimal(18, 2)) as open_amount
    from claims
    inner join {{ within_warehouse(ref('dim_hospital')) }} as hospitals on claims.hospital_key = hospitals.hospital_key
    inner join {{ within_warehouse(ref('dim_payer')) }} as payers on claims.payer_key = payers.payer_key
    left join turnaround
        on
            claims.hospital_key = turnaround.hospital_key
            and claims.month_key = turnaround.month_key
            and claims.payer_key = turnaround.payer_key
    left join denials
        on
            claims.hospital_key = denials.hospital_key
            and claims.month_key = denials.month_key
            and claims.payer_key = denials.payer_key
    left join underpayment
        on
            claims.hospital_key = underpayment.hospital_key
            and claims.month_key = underpayment.month_key
            and claims.payer_key = underpayment.payer_key
)

select * from final
