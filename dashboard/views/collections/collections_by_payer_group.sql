-- Question: How much of what was charged, and of what payers agreed to pay, has come in?
-- Reading: Service months of a year that ended at least 120 days before the chosen day, payments to date. Collectable
-- is charges less contractual adjustments as posted; of a hospital that posts none the net rate is not known, and of
-- all hospitals it is of those that do.
-- Contracts: gross_collection, net_collection
select
    collection.payer_group,
    sum(collection.charge_amount) as charge_amount,
    sum(collection.contractual_amount) as contractual_amount,
    sum(collection.collectable_amount) as collectable_amount,
    sum(collection.payment_amount) as payment_amount,
    cast(sum(collection.payment_amount) as double) * 100 / nullif(sum(collection.charge_amount), 0)
        as gross_collection_pct,
    cast(sum(collection.payment_amount) filter (where collection.collectable_amount is not null) as double) * 100
    / nullif(sum(collection.collectable_amount), 0) as net_collection_pct
from gold.kpi_net_collection as collection
inner join gold.kpi_windows as months
    on
        collection.hospital_key = months.hospital_key
        and collection.service_month_key between months.first_month_key and months.last_month_key
        and months.kpi_window = 'mature_cohorts'
where
    months.month_key = :month
    and collection.is_mature
    and :hospital in ('All hospitals', months.hospital_name)
    and :payer_group in ('All payer groups', collection.payer_group)
group by collection.payer_group
order by charge_amount desc, collection.payer_group
