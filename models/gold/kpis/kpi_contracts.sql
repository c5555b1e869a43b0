-- What each KPI means and whether this warehouse can compute it, from the contracts in config.meta.kpis of all models.
with

contracts as (
    {%- for kpi in (all_kpi_contracts() if execute else []) %}
    {%- set has_model = kpi.model_name != model.name %}
    select
        {{ contract_text(kpi.name) }} as kpi_name,
        {{ contract_text(kpi.label) }} as kpi_label,
        {{ contract_text(kpi.subject if has_model else 'not_computed') }} as subject,
        {{ contract_text(kpi.formula) }} as formula,
        {{ contract_text(kpi.numerator) }} as numerator,
        {{ contract_text(kpi.denominator) }} as denominator,
        {{ contract_text(kpi.date_basis) }} as date_basis,
        {{ contract_text(kpi.exclusions) }} as exclusions,
        {{ contract_text(kpi.computability) }} as computability,
        {{ contract_text(kpi.needs) }} as needs,
        {{ contract_text(kpi.unit) }} as unit,
        {{ contract_text(kpi.target) }} as target,
        {{ contract_text(kpi.benchmark) }} as benchmark,
        {{ contract_text(kpi.get('map_key')) }} as map_key,
        {{ contract_text(kpi.get('map_difference')) }} as map_difference,
        {{ contract_text(kpi.get('if_empty')) }} as if_empty,
        {{ contract_text(kpi.model_name if has_model else none) }} as model_name,
        {{ contract_text(kpi.get('window')) }} as kpi_window,
        cast({{ kpi.get('headline_order', 'null') }} as bigint) as headline_order,
        {{ contract_text(kpi.get('page')) }} as page,
        {{ contract_text(kpi.get('split_by')) }} as split_by,
        {{ contract_text(kpi.get('feed')) }} as feed,
        {{ ('payer_group' in kpi.columns) | lower }} as is_by_payer_group,
        {{ kpi.get('rolls_up', true) | lower }} as is_additive,
        {{ kpi.get('share_of_whole', false) | lower }} as is_share_of_whole
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

feeds as (
    select distinct feed
    from {{ ref('kpi_feeds') }}
),

final as (
    select
        contracts.kpi_name,
        contracts.kpi_label,
        contracts.subject,
        contracts.formula,
        contracts.numerator,
        contracts.denominator,
        contracts.date_basis,
        contracts.exclusions,
        contracts.computability,
        contracts.needs,
        contracts.unit,
        contracts.target,
        contracts.benchmark,
        contracts.map_key,
        contracts.map_difference,
        contracts.if_empty,
        contracts.model_name,
        contracts.kpi_window,
        contracts.headline_order,
        contracts.page,
        contracts.split_by,
        contracts.feed,
        contracts.is_by_payer_group,
        contracts.is_additive,
        contracts.is_share_of_whole,
        contracts.model_name is not null and (contracts.feed is null or feeds.feed is not null) as is_computed
    from contracts
    left join feeds on contracts.feed = feeds.feed
)

select * from final
