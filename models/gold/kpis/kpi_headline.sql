-- One page for finance: the headline period of each KPI's contract (config.meta.kpis of its model), per hospital and
-- for all of them; ratios are sums over sums, never averages of ratios.
{%- set headline_models = [
    'kpi_days_in_ar', 'kpi_net_days_in_ar', 'kpi_ar_aging', 'kpi_dnfb', 'kpi_gross_collection', 'kpi_net_collection',
    'kpi_collection_curve', 'kpi_point_of_service', 'kpi_denial_rate', 'kpi_initial_denials', 'kpi_payer_turnaround',
    'kpi_claim_lag', 'kpi_write_offs', 'kpi_payer_mix'
] %}

with

last_months as (
    select
        hospital_key,
        month_key
    from {{ ref('dim_ledger_month') }}
    where is_latest
),

-- Each hospital as of its own last month; all of them together as of the last month that all of them have.
views as (
    select
        hospital_key,
        month_key,
        false as is_all
    from last_months
    union all
    select
        hospital_key,
        min(month_key) over () as month_key,
        true as is_all
    from last_months
),

as_of as (
    select
        months.hospital_key,
        months.month_key,
        months.as_of_date,
        views.is_all,
        cast({{ dbt.dateadd('month', -11, 'months.month_start_date') }} as date) as twelve_months_start_date,
        cast({{ dbt.dateadd('month', -15, 'months.month_start_date') }} as date) as mature_cohorts_start_date
    from views
    inner join {{ ref('dim_ledger_month') }} as months
        on views.hospital_key = months.hospital_key and views.month_key = months.month_key
),

hospitals as (
    select
        hospital_key,
        hospital_name
    from {{ ref('dim_hospital') }}
),

measures as (
    {%- for kpi_model in headline_models %}{% set outer = loop %}
    {%- set relation = ref(kpi_model) %}
    {%- for kpi in (headline_contracts(kpi_model) if execute else []) %}
    select
        {{ outer.index * 10 + loop.index }} as sort_order,
        {{ contract_text(kpi.name) }} as kpi_name,
        {% if kpi.split_by is defined -%}
        concat('{{ kpi.label }}: ', {{ kpi.split_by }})
        {%- else -%}
        {{ contract_text(kpi.label) }}
        {%- endif %} as kpi_label,
        {{ contract_text(kpi.unit) }} as unit,
        {{ contract_text(kpi.target or '') }} as target,
        -- What needs a feed has rows only of hospitals that send it.
        {{ contract_text('exact' if kpi.computability == 'needs' else kpi.computability) }} as computability,
        kpi.hospital_key,
        as_of.is_all,
        as_of.as_of_date,
        {{ kpi.numerator }} as numerator,
        {{ kpi.denominator or 'cast(null as decimal(18, 2))' }} as denominator
    from {{ relation }} as kpi
    inner join as_of on kpi.hospital_key = as_of.hospital_key
    where {{ kpi.headline_period }}
    {% if not (loop.last and outer.last) %}union all{% endif %}
    {%- endfor %}
    {%- endfor %}
),

rolled_up as (
    select
        hospitals.hospital_name,
        measures.*
    from measures
    inner join hospitals on measures.hospital_key = hospitals.hospital_key
    where not measures.is_all

    union all

    select
        'All hospitals' as hospital_name,
        measures.*
    from measures
    where measures.is_all
),

summed as (
    select
        hospital_name,
        sort_order,
        kpi_name,
        kpi_label,
        unit,
        target,
        computability,
        cast(sum(numerator) as decimal(18, 2)) as numerator,
        cast(sum(denominator) as decimal(18, 2)) as denominator,
        -- Of all hospitals: the day up to which each of them is known.
        min(as_of_date) as as_of_date
    from rolled_up
    group by hospital_name, sort_order, kpi_name, kpi_label, unit, target, computability
),

final as (
    select
        {{ generate_surrogate_key(['summed.hospital_name', 'summed.kpi_label']) }} as headline_key,
        summed.as_of_date,
        summed.hospital_name,
        cast(summed.sort_order as bigint) as sort_order,
        summed.kpi_name,
        summed.kpi_label,
        summed.numerator,
        summed.denominator,
        case
            when summed.unit = '$' then cast(summed.numerator as decimal(18, 4))
            when summed.unit = '%' then {{ safe_divide('summed.numerator * 100', 'summed.denominator') }}
            else {{ safe_divide('summed.numerator', 'summed.denominator') }}
        end as kpi_value,
        summed.unit,
        summed.target,
        summed.computability
    from summed
)

select * from final
