{#
    The windows of the KPIs: from and to which month rows count in a value as of a ledger month (columns of
    dim_ledger_month, alias months). A contract names one of them (config.meta.kpis, window).
#}
{% macro kpi_windows() %}
    {% set month = 'months.month_start_date' %}
    {{ return({
        'month': [month, month],
        'trailing_12_months': [months_after(month, -11), month],
        'mature_cohorts': [months_after(month, -15), last_mature_month('months.as_of_date')],
        'cohorts_past_3_months': [months_after(month, -15), months_after(month, -3)],
    }) }}
{% endmacro %}

{# First day of the month so many months after another; before, where the number is negative. #}
{% macro months_after(month_start_date, months) -%}
    cast({{ dbt.dateadd('month', months, month_start_date) }} as date)
{%- endmacro %}

{# Days from the end of a service month until its cohort is mature: time to be paid, denied and appealed. #}
{% macro days_to_maturity() %}{{ return(120) }}{% endmacro %}

{% macro is_mature_cohort(service_month_start_date, as_of_date) -%}
    {{ dbt.datediff(dbt.last_day(service_month_start_date, 'month'), as_of_date, 'day') }} >= {{ days_to_maturity() }}
{%- endmacro %}

{# First day of the last service month whose cohort is mature as of a day. #}
{% macro last_mature_month(as_of_date) -%}
    {%- set day = 'cast(' ~ dbt.dateadd('day', 1 - days_to_maturity(), as_of_date) ~ ' as date)' -%}
    {{ months_after('cast(' ~ dbt.date_trunc('month', day) ~ ' as date)', -1) }}
{%- endmacro %}
