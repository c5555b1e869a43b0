{#
    How a source table writes its values: every key of vars.dialect, as the table says, else its system, else the
    project. `date_format` beside the table's dialect is a short form. Declared and validated in
    ingestion/declared/dialect.py. text_null_words are those that count in texts, too: a source's own.
#}
{% macro dialect_of(system, entity) %}
    {% set node = bronze_node(system, entity) %}
    {% set dialect = {'text_null_words': []} %}
    {% set own = node.config.meta.get('dialect') or {} %}
    {% if 'date_format' in node.config.meta %}
        {% set own = dict(own, date_format=node.config.meta.date_format) %}
    {% endif %}
    {% for said in [var('dialect'), node.source_meta.get('dialect') or {}, own] %}
        {% set is_own = not loop.first %}
        {% for key, value in said.items() if value is not none or key not in dialect %}
            {% set several = key in ['date_format', 'timestamp_format'] and value is string %}
            {% set listed = [value] if several else value %}
            {#- Of words and keys, a table says what differs. -#}
            {% do dialect.update({key: dict(dialect.get(key, {}), **listed) if listed is mapping else listed}) %}
            {% if key == 'null_words' and is_own %}
                {% do dialect.update({'text_null_words': value}) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(dialect) }}
{% endmacro %}
