{# Entities of the common data model: one staging model, one history and one cdm view each. #}
{% macro entities() %}
    {{ return([
        'patients', 'providers', 'departments', 'encounters', 'transactions', 'adjustments', 'claims',
        'procedures', 'diagnoses', 'npi'
    ]) }}
{% endmacro %}

{# True where a comma-separated list of rule names holds the rule. #}
{% macro has_failed(rule_name) -%}
    concat(',', failed_rules, ',') like '%,{{ rule_name }},%'
{%- endmacro %}
