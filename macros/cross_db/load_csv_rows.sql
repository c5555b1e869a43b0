{#
    dbt-spark's session puts values between quotes as they are: a quote inside of one would end it. And a table that is
    dropped leaves its rows at its location, so they are written over and not added.
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
