{# Every KPI contract of the project with its model, the model's folder and its columns. #}
{% macro all_kpi_contracts() %}
    {% set contracts = [] %}
    {% for node in graph.nodes.values() | sort(attribute='original_file_path') if node.resource_type == 'model' %}
        {% set columns = node.columns.keys() | list %}
        {% for kpi in node.config.meta.get('kpis', []) %}
            {% do contracts.append(dict(kpi, model_name=node.name, subject=node.fqn[-2], columns=columns)) %}
        {% endfor %}
    {% endfor %}
    {{ return(contracts) }}
{% endmacro %}

{# The contracts whose KPIs roll up: those that name a window. #}
{% macro rolled_up_contracts() %}
    {{ return(all_kpi_contracts() | selectattr('window', 'defined') | selectattr('window') | list) }}
{% endmacro %}

{# The column by which a KPI model's rows fall into a month: the one that ends in month_key. #}
{% macro month_column(columns) -%}
    {%- for column in columns if column.endswith('month_key') %}{% if loop.first %}{{ column }}{% endif %}{% endfor -%}
{%- endmacro %}

{# A text of a contract as a SQL literal; NULL where there is none. #}
{% macro contract_text(value) -%}
    {%- if value is none -%}
    cast(null as string)
    {%- else -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(value | string)) }}
    {%- endif -%}
{%- endmacro %}

{# A KPI's value from its summed parts, in its unit. #}
{% macro kpi_value(unit, numerator, denominator) -%}
    case
        when {{ unit }} = '$' then cast({{ numerator }} as decimal(18, 4))
        when {{ unit }} = '%' then {{ safe_divide(numerator ~ ' * 100', denominator) }}
        else {{ safe_divide(numerator, denominator) }}
    end
{%- endmacro %}
