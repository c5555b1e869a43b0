{#
    Days of a hospital: moments are kept in UTC and become days by the clocks of the hospital's time zone, which its
    system declares once (config.meta.dialect.time_zone).
#}
{% macro hospital_zone(system) %}
    {% if system in left_out_systems() %}{{ return(remembered(system, 'time_zone') or usual_zone()) }}{% endif %}
    {% set nodes = graph.get('sources', {}).values() | selectattr('source_name', 'equalto', system) | list %}
    {% set declared = (nodes[0].source_meta.get('dialect') or {}) if nodes else {} %}
    {{ return(declared.get('time_zone') or usual_zone()) }}
{% endmacro %}

{# The zone of a hospital that declares none. #}
{% macro usual_zone() %}{{ return(var('dialect').time_zone) }}{% endmacro %}

{# The zones of listed hospitals that differ from the usual one: {zone: [systems]}. #}
{% macro hospital_zones() %}
    {% set zones = {} %}
    {% for system in all_listed_systems() if execute %}
        {% set zone = hospital_zone(system) %}
        {% if zone != usual_zone() %}{% do zones.setdefault(zone, []).append(system) %}{% endif %}
    {% endfor %}
    {{ return(zones) }}
{% endmacro %}

{# The day of a moment in UTC at the hospital that a column names, by its code or (`by='hospital_key'`) by its key. #}
{% macro local_date(moment, system='source_system', by='source_system') -%}
    {{ by_hospital_zone('day_of_moment', moment, system, by) }}
{%- endmacro %}

{# The moment in UTC at which a day begins at the hospital that a column names. #}
{% macro day_start(date, system='source_system') -%}
    {{ by_hospital_zone('start_of_day', date, system, 'source_system') }}
{%- endmacro %}

{# The zone of the hospital that a column names, by its IANA name. #}
{% macro time_zone_of(system) -%}
    {{ by_hospital_zone('zone_literal', none, system, 'source_system') }}
{%- endmacro %}

{% macro zone_literal(_, zone) -%}'{{ zone }}'{%- endmacro %}

{% macro day_of_moment(moment, zone) -%}
    cast({{ moment if zone == 'UTC' else to_local(moment, zone) }} as date)
{%- endmacro %}

{% macro start_of_day(date, zone) -%}
    {%- set midnight = 'cast(' ~ date ~ ' as timestamp)' -%}
    {{ midnight if zone == 'UTC' else to_utc(midnight, zone) }}
{%- endmacro %}

{#
    An SQL expression of a map in which moments are what the source's clocks show, as in its texts: bronze columns that
    are declared timestamps are UTC.
#}
{% macro by_local_clocks(expression, source_columns, zone) %}
    {% if expression is none or zone == 'UTC' or expression in source_columns or expression == '_ingested_at' %}
        {{ return(expression) }}
    {% endif %}
    {% set changed = namespace(expression=expression) %}
    {% for column in source_columns.values() if column.data_type == 'timestamp' %}
        {% set name = '(?i)(?<![\\w.])("?)' ~ modules.re.escape(column.name) ~ '\\1(?![\\w.(])' %}
        {% set local = to_local(adapter.quote(column.name), zone) %}
        {% set changed.expression = modules.re.sub(name, local, changed.expression) %}
    {% endfor %}
    {{ return(changed.expression) }}
{% endmacro %}

{% macro by_hospital_zone(macro_name, value, system, by) -%}
    {%- set zones = hospital_zones() -%}
    {%- set usual = context[macro_name](value, usual_zone()) -%}
    {%- if not zones -%}
        {{ usual }}
    {%- else -%}
        case
        {%- for zone, systems in zones.items() %}
            when {{ system }} in (
                {%- for name in systems -%}
                    {{ generate_surrogate_key(["'" ~ name ~ "'"]) if by == 'hospital_key' else "'" ~ name ~ "'" }}
                    {%- if not loop.last %}, {% endif -%}
                {%- endfor -%}
            ) then {{ context[macro_name](value, zone) }}
        {%- endfor %}
            else {{ usual }}
        end
    {%- endif -%}
{%- endmacro %}
