{# An entity's versions with the interval in which each holds for facts: the first open to 1900, the last to 9999. #}
{% macro dimension_versions(entity, key) %}
select
    *,
    {{ generate_surrogate_key([key, 'version_number']) }} as version_key,
    case
        when version_number = min(version_number) over (partition by {{ key }})
            then cast('1900-01-01' as timestamp)
        else dbt_valid_from
    end as valid_from,
    -- A deletion ends nothing: what is billed afterwards still means the record as it last was.
    coalesce(
        lead(dbt_valid_from) over (partition by {{ key }} order by version_number), {{ open_end() }}
    ) as valid_to
from {{ ref(entity ~ '_history') }}
where not is_deleted
{%- endmacro %}

{# Joins a dimension's version that held on a date; exactly one does for a known key. #}
{% macro join_as_of(dimension, key, on_key, on_date) -%}
left join {{ ref(dimension) }} as {{ dimension }}
    on
        {{ dimension }}.{{ key }} = {{ on_key }}
        and cast({{ on_date }} as timestamp) >= {{ dimension }}.valid_from
        and cast({{ on_date }} as timestamp) < {{ dimension }}.valid_to
{%- endmacro %}

{# A foreign key: -2 where the source names nothing, -1 where it names what the dimension does not have. #}
{% macro member(dimension_key, source_id) -%}
    case when {{ source_id }} is null then '-2' else coalesce({{ dimension_key }}, '-1') end
{%- endmacro %}

{# The same for role-playing dates, as yyyymmdd. #}
{% macro date_key(date) -%}
    cast(coalesce(year({{ date }}) * 10000 + month({{ date }}) * 100 + day({{ date }}), -2) as bigint)
{%- endmacro %}

{# Rows for the members -1 (unknown) and -2 (not applicable): labels for text columns, given values for the rest. #}
{% macro special_members(labels, others) %}
    {%- for key, label in [('-1', 'Unknown'), ('-2', 'Not applicable')] %}
    select
        {% for column in labels -%}
        {% if column.endswith('_key') %}'{{ key }}'{% else %}'{{ label }}'{% endif %} as {{ column }}
        {%- if not loop.last or others %},{% endif %}
        {% endfor -%}
        {% for column, value in others.items() -%}
        {{ value }} as {{ column }}{% if not loop.last %},{% endif %}
        {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro %}
