-- Hospitals are those of which any record arrived; their names come from the label in their source YAML.
with

hospitals as (
    {% for entity in ['patients', 'providers', 'departments', 'encounters', 'transactions', 'adjustments', 'claims'] -%}
    select source_system from {{ ref(entity ~ '_history') }}
    {% if not loop.last %}union{% endif %}
    {% endfor -%}
),

final as (
    select
        {{ generate_surrogate_key(['source_system']) }} as hospital_key,
        source_system as hospital_code,
        case source_system
            {%- for system in all_listed_systems() if execute %}
            when '{{ system }}' then '{{ dbt.escape_single_quotes(system_label(system)) }}'
            {%- endfor %}
            else source_system
        end as hospital_name,
        {{ time_zone_of('source_system') | indent(8) }} as time_zone
    from hospitals

    union all

    {{ special_members(['hospital_key', 'hospital_code', 'hospital_name', 'time_zone'], {}) }}
)

select * from final
