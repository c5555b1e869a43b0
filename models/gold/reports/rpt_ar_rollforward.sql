-- The reported roll-forward with its lines summed by class, for one line per month.
with

lines as (
    select
        hospital_key,
        payer_group,
        month_key,
        sum(case when report_line = 'opening_amount' then line_amount else 0 end) as opening_amount,
        sum(case when event_class = 'restatement' then line_amount else 0 end) as restatement_amount,
        sum(case when event_class = 'charge' then line_amount else 0 end) as charge_amount,
        sum(case when event_class in ('payment', 'refund') then line_amount else 0 end) as payment_amount,
        sum(case when event_class = 'adjustment' then line_amount else 0 end) as adjustment_amount,
        sum(case when event_class = 'write_off' then line_amount else 0 end) as write_off_amount,
        sum(case when event_class = 'transfer' then line_amount else 0 end) as transfer_amount,
        sum(case when event_class = 'reversal' then line_amount else 0 end) as reversal_amount,
        sum(case when report_line = 'closing_amount' then line_amount else 0 end) as closing_amount
    from {{ within_warehouse(ref('fct_ar_rollforward_lines')) }}
    where basis = 'reported'
    group by hospital_key, payer_group, month_key
),

final as (
    select
        months.hospital_key,
        months.payer_group,
        months.month_key,
        months.month_start_date,
        months.is_closed,
        months.close_version,
        months.restated_closing_amount,
        cast(lines.opening_amount as decimal(18, 2)) as opening_amount,
        cast(lines.restatement_amount as decimal(18, 2)) as restatement_amount,
        cast(lines.charge_amount as decimal(18, 2)) as charge_amount,
        cast(lines.payment_amount as decimal(18, 2)) as payment_amount,
        cast(lines.adjustment_amount as decimal(18, 2)) as adjustment_amount,
        cast(lines.write_off_amount as decimal(18, 2)) as write_off_amount,
        cast(lines.transfer_amount as decimal(18, 2)) as transfer_amount,
        cast(lines.reversal_amount as decimal(18, 2)) as reversal_amount,
        cast(lines.closing_amount as decimal(18, 2)) as closing_amount
    from {{ within_warehouse(ref('fct_ar_rollforward_monthly')) }} as months
    inner join lines
        on
            months.hospital_key = lines.hospital_key
            and months.payer_group = lines.payer_group
            and months.month_key = lines.month_key
)

select * from final
