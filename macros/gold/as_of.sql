{# An entity's versions with the interval in which each holds for facts: the first open to 1900, the last to 9999. #}
{% macro dimension_versions(entity, key) %}
select
    versions.*,
    {{ generate_surrogate_key(['versions.' ~ key, 'versions.version_number']) }} as version_key,
    case
        when versions.version_number = min(versions.version_number) over (partition by versions.{{ key }})
            then {{ open_start() }}
        else {{ in_known_time('versions.dbt_valid_from') }}
    end as valid_from,
    -- A deletion ends nothing: what is billed afterwards still means the record as it last was.
    coalesce(
        lead({{ in_known_time('versions.dbt_valid_from') }}) over (
            partition by versions.{{ key }} order by versions.version_number
        ),
        {{ open_end() }}
    ) as valid_to,
    deletions.{{ key }} is not null as is_member_deleted
from {{ ref(entity ~ '_history') }} as versions
left join {{ ref(entity ~ '_history') }} as deletions
    on
        versions.{{ key }} = deletions.{{ key }}
        and deletions.is_deleted
        and deletions.dbt_valid_to = {{ open_end() }}
where not versions.is_deleted
{%- endmacro %}

{# valid_from of a dimension's first version. #}
{% macro open_start() -%}cast('1900-01-01' as timestamp){%- endmacro %}

{# A moment between the open ends: what a mistyped year leaves outside belongs to the first or the last version. #}
{% macro in_known_time(moment) -%}
    greatest(least({{ moment }}, cast('9999-12-30' as timestamp)), {{ open_start() }})
{%- endmacro %}

{# Joins a dimension's version that held on a date, the last one if there is no date; exactly one for a known key. #}
{% macro join_as_of(dimension, key, on_key, on_date) -%}
left join {{ ref(dimension) }} as {{ dimension }}
    on
        {{ dimension }}.{{ key }} = {{ on_key }}
        and {{ as_of(on_date, dimension) }}
{%- endmacro %}

{# True where a version's interval holds the date; without a date, where the interval is the last one. #}
{% macro as_of(on_date, version) -%}
{%- set moment = in_known_time("coalesce(cast(" ~ on_date ~ " as timestamp), cast('9999-12-30' as timestamp))") -%}
{{ moment }} >= {{ version }}.valid_from
        and {{ moment }} < {{ version }}.valid_to
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
