{#
    The event types with given attributes (vars.event_types) as a SQL list: event_types(cash=true) for what is cash,
    event_types(class='charge'), event_types(column='contractual_adjustment_amount').
#}
{% macro event_types() -%}
    {%- set found = [] -%}
    {%- for row in var('event_types') -%}
        {%- set differing = [] -%}
        {%- for attribute, value in kwargs.items() if row.get(attribute) != value -%}
            {%- do differing.append(attribute) -%}
        {%- endfor -%}
        {%- if not differing %}{% do found.append(row.type) %}{% endif -%}
    {%- endfor -%}
    {%- if not found -%}
        {{ exceptions.raise_compiler_error('vars.event_types: no row has ' ~ kwargs) }}
    {%- endif -%}
    ('{{ found | join("', '") }}')
{%- endmacro %}

{# Columns of the roll-forward in their order, each with the first event type that counts in it. #}
{% macro report_columns() %}
    {% set columns = {} %}
    {% for row in var('event_types') if row.column is defined and row.column not in columns %}
        {% do columns.update({row.column: row}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}

{# What sources call each event type, as a word list of a column (meta.values). #}
{% macro event_type_words() %}
    {% set words = {} %}
    {% for row in var('event_types') if row.words is defined %}{% do words.update({row.type: row.words}) %}{% endfor %}
    {{ return(words) }}
{% endmacro %}

{# A source's amount as it changes accounts receivable, by the sign of its event type. #}
{% macro signed_amount(event_type, amount) -%}
    case
        when {{ event_type }} in {{ event_types(sign=1) }} then {{ amount }}
        when {{ event_type }} in {{ event_types(sign=-1) }} then 0 - {{ amount }}
        else 0
    end
{%- endmacro %}

{# What was paid less what was given back, summed; signed as in the ledger, so that money received is negative. #}
{% macro cash(amount) -%}
    sum(case when money_type in {{ event_types(cash=true) }} then {{ amount }} else 0 end)
{%- endmacro %}
