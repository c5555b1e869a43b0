{#
    True where a source row violates its columns' YAML (`required`, `allowed`) and the table's contract quarantines such
    rows: config.meta.contract.severity, by default quarantine. The border check of ingestion reads the same declaration
    before the batch is committed.
#}
{% macro contract_broken(node) -%}
    {%- set severity = node.config.meta.get('contract', {}).get('severity', {}) -%}
    {%- set broken = [] -%}
    {%- for column in node.columns.values() -%}
        {%- set promised = column.config.meta -%}
        {%- set quoted = adapter.quote(column.name) -%}
        {%- if promised.get('required') and severity.get('required', 'quarantine') == 'quarantine' -%}
            {%- do broken.append(quoted ~ ' is null') -%}
        {%- endif -%}
        {%- if promised.get('allowed') and severity.get('allowed', 'quarantine') == 'quarantine' -%}
            {%- set values = [] -%}
            {%- for value in promised.allowed -%}
                {%- set literal = "'" ~ dbt.escape_single_quotes(value | string) ~ "'" -%}
                {%- do values.append('cast(' ~ literal ~ ' as ' ~ column.data_type ~ ')') -%}
            {%- endfor -%}
            {%- do broken.append('coalesce(' ~ quoted ~ ' not in (' ~ values | join(', ') ~ '), false)') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ broken | join(' or ') if broken else 'false' }}
{%- endmacro %}
