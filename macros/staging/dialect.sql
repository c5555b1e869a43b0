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
            {% set is_deeper = value is mapping and dialect.get(key) is mapping %}
            {% set several = key in ['date_format', 'timestamp_format'] and value is string %}
            {% if is_deeper %}
                {% set within = dict(dialect[key]) %}
                {% for name, inner in value.items() %}
                    {% set below = within.get(name) %}
                    {% set both = below is mapping and inner is mapping %}
                    {% do within.update({name: dict(below, **inner) if both else inner}) %}
                {% endfor %}
                {% do dialect.update({key: within}) %}
            {% else %}
                {% do dialect.update({key: [value] if several else value}) %}
            {% endif %}
            {% if key == 'null_words' and is_own %}
                {% do dialect.update({'text_null_words': value}) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(dialect) }}
{% endmacro %}
