{# Contracts that a model shows on the headline page: those that name their headline period. #}
{% macro headline_contracts(model_name) %}
    {% set contracts = graph.nodes['model.' ~ project_name ~ '.' ~ model_name].config.meta.kpis %}
    {{ return(contracts | selectattr('headline_period', 'defined') | list) }}
{% endmacro %}

{# Every KPI contract of the project with the model it stands in and that model's folder. #}
{% macro all_kpi_contracts() %}
    {% set contracts = [] %}
    {% for node in graph.nodes.values() | sort(attribute='original_file_path') if node.resource_type == 'model' %}
        {% for kpi in node.config.meta.get('kpis', []) %}
            {% do contracts.append(dict(kpi, model_name=node.name, subject=node.fqn[-2])) %}
        {% endfor %}
    {% endfor %}
    {{ return(contracts) }}
{% endmacro %}

{# A text of a contract as a SQL literal; NULL where there is none. #}
{% macro contract_text(value) -%}
    {%- if value is none -%}
    cast(null as string)
    {%- else -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(value | string)) }}
    {%- endif -%}
{%- endmacro %}
