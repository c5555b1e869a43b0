-- Question: How did A/R move from opening to closing?
-- Reading: The roll-forward of the chosen month. Amounts are signed by their effect on A/R, so that opening plus every
-- line is closing; unexplained is what would be left, and must be 0. As known, a closed month shows what was signed,
-- and what became known of it later stands as restatement in the first open month. As restated, every posting stands
-- in the month of its post date, whenever it became known.
-- Contracts: ar_balance
-- Uses: hospitals, as_of
with

restated as (
    select
        events.hospital_key,
        sum(case when events.post_date < as_of.month_start_date then events.ar_delta_amount else 0 end)
            as opening_amount,
        sum(events.ar_delta_amount) as closing_amount
    from gold.fct_ar_events as events
    inner join as_of on events.hospital_key = as_of.hospital_key
    where
        :basis = 'restated'
        and events.post_date <= as_of.as_of_date
        and (:payer_group = 'all' or events.payer_group = :payer_group)
    group by events.hospital_key
),

moves as (
    select
        events.hospital_key,
        events.event_type,
        events.ar_delta_amount
    from gold.fct_ar_events as events
    inner join as_of on events.hospital_key = as_of.hospital_key
    where
        :basis = 'restated'
        and events.post_date >= as_of.month_start_date
        and events.post_date <= as_of.as_of_date
        and (:payer_group = 'all' or events.payer_group = :payer_group)
),

restated_moves as (
    select
        hospital_key,
        sum(case when event_type = 'CHARGE' then ar_delta_amount else 0 end) as charge_amount,
        sum(case when event_type = 'PAYMENT_INSURANCE' then ar_delta_amount else 0 end) as insurance_payment_amount,
        sum(case when event_type = 'PAYMENT_PATIENT' then ar_delta_amount else 0 end) as patient_payment_amount,
        sum(case when event_type = 'ADJ_CONTRACTUAL' then ar_delta_amount else 0 end)
            as contractual_adjustment_amount,
        sum(case when event_type = 'ADJ_CHARITY' then ar_delta_amount else 0 end) as charity_adjustment_amount,
        sum(case when event_type = 'ADJ_UNINSURED_DISCOUNT' then ar_delta_amount else 0 end)
            as uninsured_discount_amount,
        sum(case when event_type = 'ADJ_DENIAL' then ar_delta_amount else 0 end) as denial_write_off_amount,
        sum(case when event_type = 'ADJ_BAD_DEBT' then ar_delta_amount else 0 end) as bad_debt_write_off_amount,
        sum(case when event_type = 'ADJ_SMALL_BALANCE' then ar_delta_amount else 0 end)
            as small_balance_write_off_amount,
        sum(case when event_type = 'ADJ_OTHER' then ar_delta_amount else 0 end) as other_adjustment_amount,
        sum(case when event_type = 'REFUND' then ar_delta_amount else 0 end) as refund_amount,
        sum(case when event_type = 'TRANSFER' then ar_delta_amount else 0 end) as transfer_amount,
        sum(case when event_type = 'REVERSAL' then ar_delta_amount else 0 end) as reversal_amount
    from moves
    group by hospital_key
),

reported as (
    select
        months.hospital_key,
        months.opening_amount,
        months.restatement_amount,
        months.charge_amount,
        months.insurance_payment_amount,
        months.patient_payment_amount,
        months.contractual_adjustment_amount,
        months.charity_adjustment_amount,
        months.uninsured_discount_amount,
        months.denial_write_off_amount,
        months.bad_debt_write_off_amount,
        months.small_balance_write_off_amount,
        months.other_adjustment_amount,
        months.refund_amount,
        months.transfer_amount,
        months.reversal_amount,
        months.closing_amount
    from gold.fct_ar_rollforward_monthly as months
    inner join as_of on months.hospital_key = as_of.hospital_key and months.month_key = as_of.month_key
    where :basis = 'known' and (:payer_group = 'all' or months.payer_group = :payer_group)

    union all

    select
        restated.hospital_key,
        restated.opening_amount,
        0 as restatement_amount,
        coalesce(restated_moves.charge_amount, 0),
        coalesce(restated_moves.insurance_payment_amount, 0),
        coalesce(restated_moves.patient_payment_amount, 0),
        coalesce(restated_moves.contractual_adjustment_amount, 0),
        coalesce(restated_moves.charity_adjustment_amount, 0),
        coalesce(restated_moves.uninsured_discount_amount, 0),
        coalesce(restated_moves.denial_write_off_amount, 0),
        coalesce(restated_moves.bad_debt_write_off_amount, 0),
        coalesce(restated_moves.small_balance_write_off_amount, 0),
        coalesce(restated_moves.other_adjustment_amount, 0),
        coalesce(restated_moves.refund_amount, 0),
        coalesce(restated_moves.transfer_amount, 0),
        coalesce(restated_moves.reversal_amount, 0),
        restated.closing_amount
    from restated
    left join restated_moves on restated.hospital_key = restated_moves.hospital_key
)

select
    sum(opening_amount) as opening_amount,
    sum(restatement_amount) as restatement_amount,
    sum(charge_amount) as charge_amount,
    sum(insurance_payment_amount) as insurance_payment_amount,
    sum(patient_payment_amount) as patient_payment_amount,
    sum(contractual_adjustment_amount) as contractual_adjustment_amount,
    sum(charity_adjustment_amount) as charity_adjustment_amount,
    sum(uninsured_discount_amount) as uninsured_discount_amount,
    sum(denial_write_off_amount) as denial_write_off_amount,
    sum(bad_debt_write_off_amount) as bad_debt_write_off_amount,
    sum(small_balance_write_off_amount) as small_balance_write_off_amount,
    sum(other_adjustment_amount) as other_adjustment_amount,
    sum(refund_amount) as refund_amount,
    sum(transfer_amount) as transfer_amount,
    sum(reversal_amount) as reversal_amount,
    sum(closing_amount) as closing_amount,
    sum(
        closing_amount - opening_amount - restatement_amount - charge_amount - insurance_payment_amount
        - patient_payment_amount - contractual_adjustment_amount - charity_adjustment_amount
        - uninsured_discount_amount - denial_write_off_amount - bad_debt_write_off_amount
        - small_balance_write_off_amount - other_adjustment_amount - refund_amount - transfer_amount - reversal_amount
    ) as unexplained_amount
from reported
having count(*) > 0
