-- Numerator and denominator of every KPI that rolls up, by month and every slice its model keeps, as its contract says
-- (config.meta.kpis). dbt has to know the models before it knows the contracts: hence the list of kpi_models().
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
        kpi.hospital_key,
        {%- for slice in slices %}
        {{ 'kpi.' ~ slice if slice in kpi.columns else 'cast(null as string) as ' ~ slice }},
        {%- endfor %}
        {{ kpi.split_by or 'cast(null as string)' }} as split,
        {%- set month = month_column(kpi.columns) %}
        kpi.{{ month ~ ('' if month == 'month_key' else ' as month_key') }},
        cast({{ kpi.numerator }} as decimal(18, 2)) as numerator,
        cast({{ kpi.denominator or 'null' }} as decimal(18, 2)) as denominator
    from {{ relations[kpi.model_name] }} as kpi
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
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
        cast(sum(numerator) as decimal(18, 2)) as numerator,
        cast(sum(denominator) as decimal(18, 2)) as denominator
    from measures
    group by kpi_name, hospital_key, payer_group, payer_key, department_key, split, month_key
)

select * from final
