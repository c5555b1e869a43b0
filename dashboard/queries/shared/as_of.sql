-- Reading: The chosen month of each chosen hospital, and the bounds of what counts in it, as in gold.kpi_headline.
select
    months.hospital_key,
    hospitals.hospital_code,
    hospitals.hospital_name,
    months.month_key,
    months.month_start_date,
    months.as_of_date,
    months.is_complete,
    year(months.month_start_date) * 12 + month(months.month_start_date) as month_index,
    cast(months.month_start_date - interval '11' month as date) as twelve_months_start_date,
    cast(months.month_start_date - interval '15' month as date) as mature_cohorts_start_date,
    -- The last service month that ended at least 120 days before.
    cast(
        date_trunc('month', cast(months.as_of_date - interval '119' day as date)) - interval '1' month as date
    ) as mature_cohorts_end_date
from gold.dim_ledger_month as months
inner join hospitals on months.hospital_key = hospitals.hospital_key
where months.month_key = :month
