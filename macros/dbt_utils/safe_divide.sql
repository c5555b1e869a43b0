{#
    A ratio as decimal(18,4); NULL where the denominator is 0 or NULL, for which engines differ, and where it is too
    large to mean anything: one hospital's cent of revenue must not stop the others. The division is that of dbt_utils,
    and the package's own where it is installed; the types are ours.
#}
{% macro safe_divide(numerator, denominator) -%}
    try_cast({{ adapter.dispatch('safe_divide', 'dbt_utils')(
        'cast(' ~ numerator ~ ' as double)', 'cast(' ~ denominator ~ ' as double)'
    ) | trim }} as decimal(18, 4))
{%- endmacro %}

{% macro default__safe_divide(numerator, denominator) -%}
    {{ numerator }} / nullif({{ denominator }}, 0)
{%- endmacro %}
