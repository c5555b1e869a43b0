{# Entities of the common data model: one staging model, one history and one cdm view each. #}
{% macro entities() %}
    {{ return([
        'patients', 'providers', 'departments', 'encounters', 'transactions', 'adjustments', 'claims',
        'procedures', 'diagnoses', 'npi'
    ]) }}
{% endmacro %}
