{#
    md5 of what columns hold, for change detection: each value stands behind its length, and NULL is no value, so that
    no two different rows read alike ('Jean', 'Pierre-Smith' and 'Jean-Pierre', 'Smith'; NULL and any word for it).
    Keys keep the recipe of dbt_utils: see generate_surrogate_key.
#}
{% macro content_hash(columns) -%}
    md5({% for column in columns -%}
        coalesce(
            cast(length(cast({{ column }} as string)) as string) || ':' || cast({{ column }} as string), '-'
        )
        {%- if not loop.last %} || {% endif -%}
    {%- endfor %})
{%- endmacro %}
