-- Question: How much is there of everything?
-- Reading: Current records in gold, whatever the chosen month: patients, providers and departments as they are now,
-- encounters, charge lines and claims that came through the rules. Charged, paid and outstanding are of the current
-- charge lines; outstanding is charged less paid and adjusted.
select
    hospital_name,
    cast(sum(patients) as bigint) as patients,
    cast(sum(providers) as bigint) as providers,
    cast(sum(departments) as bigint) as departments,
    cast(sum(encounters) as bigint) as encounters,
    cast(sum(charge_lines) as bigint) as charge_lines,
    cast(sum(claims) as bigint) as claims,
    cast(sum(denied_claims) as bigint) as denied_claims,
    sum(charge_amount) as charge_amount,
    sum(paid_amount) as paid_amount,
    sum(outstanding_amount) as outstanding_amount
from gold.rpt_volumes
where
    :hospital in ('All hospitals', hospital_name)
    and (payer_group is null or :payer_group in ('All payer groups', payer_group))
group by hospital_name
order by hospital_name
