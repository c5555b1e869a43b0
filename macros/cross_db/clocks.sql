{# A moment in UTC as the clocks of a time zone show it, as a timestamp: each moment has exactly one such time. #}
{% macro to_local(moment, time_zone) -%}
    {{ adapter.dispatch('to_local')(moment, time_zone) }}
{%- endmacro %}

{% macro default__to_local(moment, time_zone) -%}
    from_utc_timestamp({{ moment }}, '{{ time_zone }}')
{%- endmacro %}

{% macro duckdb__to_local(moment, time_zone) -%}
    timezone('{{ time_zone }}', timezone('UTC', cast({{ moment }} as timestamp)))
{%- endmacro %}

{#
    The time of a zone's clocks as a moment in UTC. A time that the clocks show twice is the beginning of the repeated
    hour, because nothing says which of the two is meant: within that hour order of arrival decides. A time that the
    clocks skip is as long after the gap as it is after the gap's beginning: 02:30 is 03:30.
#}
{% macro to_utc(clock, time_zone) -%}
    {{ adapter.dispatch('to_utc')(clock, time_zone, repeated_minutes(time_zone)) }}
{%- endmacro %}

{# By how much the clocks of a zone go back; ingestion/declared/clocks.py asks the zone itself. #}
{% macro repeated_minutes(time_zone) %}{{ return(30 if time_zone == 'Australia/Lord_Howe' else 60) }}{% endmacro %}

{# Spark takes the first of two. #}
{% macro default__to_utc(clock, time_zone, minutes) -%}
    case
        when {{ to_local("to_utc_timestamp(" ~ clock ~ ", '" ~ time_zone ~ "') + interval '" ~ minutes ~ "' minute",
            time_zone) }} = {{ clock }}
            then to_utc_timestamp({{ clock_floor(clock, minutes) }}, '{{ time_zone }}')
        else to_utc_timestamp({{ clock }}, '{{ time_zone }}')
    end
{%- endmacro %}

{# DuckDB takes the second of two. #}
{% macro duckdb__to_utc(clock, time_zone, minutes) -%}
    {%- set back = "interval '" ~ minutes ~ "' minute" -%}
    case
        when timezone('{{ time_zone }}', timezone('{{ time_zone }}', {{ clock }}) - {{ back }}) = {{ clock }}
            then timezone('UTC', timezone('{{ time_zone }}', {{ clock_floor(clock, minutes) }}) - {{ back }})
        else timezone('UTC', timezone('{{ time_zone }}', {{ clock }}))
    end
{%- endmacro %}

{# The full or half hour a time lies in, where the repeated hour begins. #}
{% macro clock_floor(clock, minutes) -%}
    {%- if minutes | int == 60 -%}
        date_trunc('hour', {{ clock }})
    {%- else -%}
        date_trunc('hour', {{ clock }})
        + case when minute({{ clock }}) >= 30 then interval '30' minute else interval '0' minute end
    {%- endif -%}
{%- endmacro %}
