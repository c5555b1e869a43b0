{#
    Relations of an entity: what is judged on its current records together with the record they refer to, so that a
    parent which arrives later resolves its orphans. Declared at the referencing column of the CDM contract:
    `references: <entity>` declares that the parent must exist; `relations` declares more, as SQL over `child` and
    `parent`.
#}
{% macro relations(entity) %}
    {% set found = [] %}
    {% for column in graph.nodes['model.' ~ project_name ~ '.cdm_' ~ entity].columns.values() %}
        {% set parent = column.config.meta.get('references') %}
        {% if parent %}
            {% set place = {'column': column.name, 'parent': parent, 'on_day': column.config.meta.get('on_day')} %}
            {% set missing = parent_missing() %}
            {% do found.append(dict(
                place, name=missing.name.replace('{column}', column.name), severity=missing.severity,
                description=missing.description.replace('{parent}', parent), limit=var('orphan_limit'),
                bad_when='parent.' ~ entity_meta(parent).record_key ~ ' is null'
            )) %}
            {% for relation in column.config.meta.get('relations', []) %}
                {% do found.append(dict(place, limit=var('orphan_limit'), **relation)) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{# The relation that every reference has; docs/generate_tables.py reads it, too. #}
{% macro parent_missing() %}
    {{ return({
        'name': '{column}_not_found', 'severity': 'warn',
        'description': 'The {parent} record it names does not exist; facts use the unknown member.'
    }) }}
{% endmacro %}

{#
    True where the records a source table names can be looked up: a listed system feeds the parent, and the table's
    codes are of the code table's code systems. Without a code table nothing can be said about a code.
#}
{% macro can_be_looked_up(relation, system, entity) %}
    {% set coded = cdm_column(entity, relation.column).config.meta.get('code_systems') %}
    {% set own = code_systems_of(system, entity, relation.column) if coded else [] %}
    {{ return(systems_feeding(relation.parent) and not own | reject('in', coded or []) | list) }}
{% endmacro %}

{# Share of failures from which on a relation is over its limit at one source; none for a rule about one row. #}
{% macro limit_in(rule, system, entity) %}
    {% set usual = var('unknown_word_limit') if 'unknown_word' in rule else rule.get('limit') %}
    {{ return(bronze_node(system, entity).config.meta.get('limits', {}).get(rule.name, usual)) }}
{% endmacro %}

{#
    One select of dq_references: an entity's current records that name a parent in one column, and what is wrong. Where
    the parent has releases, the record is judged by that of its day; if that is not loaded, nothing can be said.
#}
{% macro judged_reference(entity, children, column, of_column) %}
{%- set parent = of_column[0].parent -%}
{%- set releases = entity_meta(parent).get('releases') -%}
{%- set key = 'parent.' ~ entity_meta(parent).record_key -%}
{%- set parts = [] -%}
{%- for part in entity_meta(parent).key_columns -%}
    {%- if part == 'source_system' -%}{%- do parts.append('child.source_system') -%}
    {%- else -%}{%- do parts.append('releases.release' if releases and part == 'release' else 'child.' ~ column) -%}
    {%- endif -%}
{%- endfor -%}
{%- set is_unknown = 'releases.valid_from is null' if releases else 'false' -%}
union all
select '{{ entity }}', '{{ column }}', child.source_system, child._source_table, {{ is_unknown }}, {{ key }} is null,
    concat_ws(',', cast(null as string)
    {%- for relation in of_column %}, case when {{ relation.bad_when }} then '{{ relation.name }}' end{% endfor %})
from {{ children }} as child
{% if releases -%}
left join {{ ref(releases) }} as releases on {{ is_release_of('releases', 'child.' ~ of_column[0].on_day) }}
{% endif -%}
left join {{ ref('cdm_' ~ parent) }} as parent on {{ generate_surrogate_key(parts) }} = {{ key }}
where child.{{ column }} is not null
{%- endmacro %}

{# True where a release is that of a day; without a day, where it is the newest. #}
{% macro is_release_of(releases, day) -%}
{%- set known_day = "coalesce(" ~ day ~ ", cast('9999-12-30' as date))" -%}
{{ known_day }} >= {{ releases }}.valid_from and {{ known_day }} < {{ releases }}.valid_to
{%- endmacro %}
