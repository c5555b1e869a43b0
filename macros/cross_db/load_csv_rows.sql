{#
    dbt-spark's session does not escape quotes in values: a quote inside a value would end it. And a dropped table
    leaves its rows at its location, so the rows are overwritten and not appended.
#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {% set types = model.config.get('column_types', {}) %}
    {% set columns = agate_table.column_names %}
    {% set rows = [] %}
    {% for row in agate_table.rows %}
        {% set values = [] %}
        {% for value in row %}
            {% set type = types.get(columns[loop.index0], adapter.convert_type(agate_table, loop.index0)) %}
            {% set text = dbt.escape_single_quotes(value | string | replace('\\', '\\\\')) %}
            {% do values.append('cast(' ~ ('null' if value is none else "'" ~ text ~ "'") ~ ' as ' ~ type ~ ')') %}
        {% endfor %}
        {% do rows.append('(' ~ values | join(', ') ~ ')') %}
    {% endfor %}
    {% set sql = 'insert overwrite ' ~ this.render() ~ ' values ' ~ rows | join(', ') %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}
