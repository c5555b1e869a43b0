-- Opening plus everything between is closing. A closed month is read from its close, never computed again: what the
-- ledger says differently about it by now is the restatement of the first open month.
with

movements as (
    select
        hospital_key,
        payer_group,
        {{ month_key('post_date') }} as month_key,
        {% for column in report_columns() -%}
        sum(case when event_type in {{ event_types(column=column) }} then ar_delta_amount else 0 end) as {{ column }},
        {% endfor -%}
        sum(ar_delta_amount) as movement_amount
    from {{ ref('fct_ar_events') }}
    group by hospital_key, payer_group, {{ month_key('post_date') }}
),

closes as (
    select *
    from {{ ref('fct_month_close') }}
    where is_in_force
),

last_closes as (
    select
        hospital_key,
        max(month_key) as last_closed_month_key
    from closes
    group by hospital_key
),

payer_groups as (
    select
        hospital_key,
        payer_group
    from movements
    union
    select
        hospital_key,
        payer_group
    from closes
),

-- Every payer group in every month: one without an event still carries its balance.
spine as (
    select
        months.hospital_key,
        payer_groups.payer_group,
        months.month_key,
        months.month_start_date,
        months.month_end_date,
        coalesce(months.month_key <= last_closes.last_closed_month_key, false) as is_closed
    from {{ ref('dim_ledger_month') }} as months
    inner join payer_groups on months.hospital_key = payer_groups.hospital_key
    left join last_closes on months.hospital_key = last_closes.hospital_key
),

posted as (
    select
        spine.*,
        {% for column in report_columns() -%}
        coalesce(movements.{{ column }}, 0) as {{ column }},
        {% endfor -%}
        sum(coalesce(movements.movement_amount, 0)) over (
            partition by spine.hospital_key, spine.payer_group order by spine.month_key
            rows between unbounded preceding and current row
        ) as restated_closing_amount
    from spine
    left join movements
        on
            spine.hospital_key = movements.hospital_key
            and spine.payer_group = movements.payer_group
            and spine.month_key = movements.month_key
),

reported as (
    select
        posted.hospital_key,
        posted.payer_group,
        posted.month_key,
        posted.month_start_date,
        posted.month_end_date,
        posted.is_closed,
        closes.close_version,
        closes.opening_amount as signed_opening_amount,
        closes.restatement_amount as signed_restatement_amount,
        {% for column in report_columns() -%}
        case when posted.is_closed then coalesce(closes.{{ column }}, 0) else posted.{{ column }} end as {{ column }},
        {% endfor -%}
        case
            when posted.is_closed then coalesce(closes.closing_amount, 0) else posted.restated_closing_amount
        end as closing_amount,
        posted.restated_closing_amount
    from posted
    left join closes
        on
            posted.hospital_key = closes.hospital_key
            and posted.payer_group = closes.payer_group
            and posted.month_key = closes.month_key
),

opened as (
    select
        *,
        lag(closing_amount) over months_of_group as previous_closing_amount,
        lag(restated_closing_amount) over months_of_group as previous_restated_amount
    from reported
    window months_of_group as (partition by hospital_key, payer_group order by month_key)
),

final as (
    select
        {{ generate_surrogate_key(['hospital_key', 'payer_group', 'month_key']) }} as ar_rollforward_key,
        hospital_key,
        payer_group,
        month_key,
        month_start_date,
        month_end_date,
        is_closed,
        cast(close_version as bigint) as close_version,
        cast(
            case when is_closed then coalesce(signed_opening_amount, 0) else coalesce(previous_closing_amount, 0) end
            as decimal(18, 2)
        ) as opening_amount,
        cast(
            case
                when is_closed then coalesce(signed_restatement_amount, 0)
                else coalesce(previous_restated_amount - previous_closing_amount, 0)
            end as decimal(18, 2)
        ) as restatement_amount,
        {% for column in report_columns() -%}
        cast({{ column }} as decimal(18, 2)) as {{ column }},
        {% endfor -%}
        cast(closing_amount as decimal(18, 2)) as closing_amount,
        cast(restated_closing_amount as decimal(18, 2)) as restated_closing_amount
    from opened
)

select * from final
