{# Entities of the common data model: one staging model, one history and one cdm view each. #}
{% macro entities() %}
    {{ return([
        'patients', 'providers', 'departments', 'encounters', 'transactions', 'adjustments', 'claims',
        'procedures', 'diagnoses', 'npi'
    ]) }}
{% endmacro %}

{# True where a comma-separated list of rule names holds the rule. #}
{% macro has_failed(rule_name, alias=none) -%}
    concat(',', {{ alias ~ '.' if alias }}failed_rules, ',') like '%,{{ rule_name }},%'
{%- endmacro %}

{# What the failed rules of a row mean, in words. #}
{% macro reasons(entity, alias=none) -%}
    concat_ws(
        '; ', cast(null as string)
        {%- for rule in (all_rules(entity) if execute else []) %},
        case when {{ has_failed(rule.name, alias) }} then '{{ dbt.escape_single_quotes(rule.description) }}' end
        {%- endfor %}
    )
{%- endmacro %}
