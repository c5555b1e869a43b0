-- Numerator and denominator of every KPI that rolls up, by month and every slice its model keeps, as its contract says
-- (config.meta.kpis). What is not known has neither, and says why. dbt has to know the models before it knows the
-- contracts: hence the list of kpi_models().
{%- set relations = {} %}
{%- for name in kpi_models() %}{% do relations.update({name: ref(name)}) %}{% endfor %}
{%- set contracts = rolled_up_contracts() if execute else [] %}
{%- set slices = ['payer_group', 'payer_key', 'department_key'] %}

with

measures as (
    {%- for kpi in contracts %}
    {%- if kpi.model_name not in relations %}
    {{ exceptions.raise_compiler_error(kpi.model_name ~ ': not in kpi_models(); make docs-tables renews that list') }}
    {%- endif %}
    select
        {{ contract_text(kpi.name) }} as kpi_name,
        {{ contract_text(kpi.get('feed')) }} as feed,
        kpi.hospital_key,
        {%- for slice in slices %}
        {{ 'kpi.' ~ slice if slice in kpi.columns else 'cast(null as string) as ' ~ slice }},
        {%- endfor %}
        {{ kpi.split_by or 'cast(null as string)' }} as split,
        {%- set month = month_column(kpi.columns) %}
        kpi.{{ month ~ ('' if month == 'month_key' else ' as month_key') }},
        cast({{ kpi.numerator }} as decimal(18, 2)) as numerator,
        cast({{ kpi.denominator or 'null' }} as decimal(18, 2)) as denominator,
        cast({{ kpi.unknown_reason or 'null' }} as string) as unknown_reason
    from {{ relations[kpi.model_name] }} as kpi
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
),

judged as (
    select
        measures.*,
        case
            when measures.feed is not null and feeds.hospital_key is null then concat('needs ', measures.feed)
            else measures.unknown_reason
        end as reason
    from measures
    left join {{ ref('kpi_feeds') }} as feeds
        on measures.hospital_key = feeds.hospital_key and measures.feed = feeds.feed
),

final as (
    select
        kpi_name,
        hospital_key,
        payer_group,
        payer_key,
        department_key,
        split,
        month_key,
        cast(sum(case when reason is null then numerator end) as decimal(18, 2)) as numerator,
        cast(sum(case when reason is null then denominator end) as decimal(18, 2)) as denominator,
        max(reason) as unknown_reason
    from judged
    group by kpi_name, hospital_key, payer_group, payer_key, department_key, split, month_key
)

select * from final
