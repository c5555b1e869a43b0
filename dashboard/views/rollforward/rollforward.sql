-- Question: How did A/R move from opening to closing?
-- Reading: The roll-forward of the chosen month. Amounts are signed by their effect on A/R, so that opening plus every
-- line is closing; unexplained is what would be left, and must be 0. As known, a closed month shows what was signed,
-- and what became known of it later stands as restatement in the first open month. As restated, every posting stands
-- in the month of its post date, whenever it became known.
-- Contracts: ar_balance
select
    lines.line_label as step,
    lines.event_class = 'balance' as is_balance,
    sum(lines.line_amount) as ar_amount
from gold.fct_ar_rollforward_lines as lines
inner join gold.dim_ledger_month as months
    on lines.hospital_key = months.hospital_key and lines.month_key = months.month_key
where
    months.month_key = :month
    and lines.basis = case when :basis = 'known' then 'reported' else 'restated' end
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', lines.payer_group)
group by lines.line_label, lines.event_class, lines.sort_order
order by lines.sort_order
