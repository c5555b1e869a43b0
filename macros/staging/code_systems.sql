{#
    Code systems (vars.code_systems) and their shapes. A coded column declares the systems of its codes
    (config.meta.code_systems of the CDM column); a source table may override them (code_systems in its config.meta).
#}
{% macro code_systems_of(system, entity, column_name) %}
    {% set own = bronze_node(system, entity).config.meta.get('code_systems', {}).get(column_name) %}
    {% if own is none %}
        {{ return(cdm_column(entity, column_name).config.meta.code_systems) }}
    {% endif %}
    {{ return([own] if own is string else own) }}
{% endmacro %}

{% macro cdm_column(entity, column_name) %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.cdm_' ~ entity].columns[column_name]) }}
{% endmacro %}

{# The regular expression of a column's codes at one source; none if one of its systems has no shape. #}
{% macro code_shape(system, entity, column_name) %}
    {% set shapes = [] %}
    {% for name in code_systems_of(system, entity, column_name) %}
        {% if not var('code_systems')[name] %}{{ return(none) }}{% endif %}
        {% do shapes.extend(var('code_systems')[name]) %}
    {% endfor %}
    {{ return(shapes | join('|')) }}
{% endmacro %}

{# SQL that is true where a code matches no shape of its source's code systems. #}
{% macro code_is_malformed(entity, column_name) -%}
    {%- set tables = {} -%}
    {%- for system in systems_feeding(entity) -%}
        {%- set shape = code_shape(system, entity, column_name) -%}
        {%- if shape is not none -%}
            {%- do tables.setdefault(shape, []).append("'" ~ system ~ "." ~ entity ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if tables | length == 1 -%}
        not {{ matches_pattern(column_name, tables.keys() | first) }}
    {%- else -%}
        case
        {%- for shape, names in tables.items() %}
        when _source_table in ({{ names | join(', ') }}) then not {{ matches_pattern(column_name, shape) }}
        {%- endfor %} end
    {%- endif -%}
{%- endmacro %}
