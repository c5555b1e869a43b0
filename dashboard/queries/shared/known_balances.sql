-- Reading: Open balances by account and payer group as known by the end of the chosen day; gold keeps the restated
-- ones.
select
    balances.hospital_key,
    balances.account_key,
    balances.payer_group,
    coalesce(charged.aged_from_date, balances.first_post_date) as aged_from_date,
    balances.as_of_date,
    balances.balance_amount
from (
    select
        hospital_key,
        account_key,
        payer_group,
        as_of_date,
        min(post_date) as first_post_date,
        sum(ar_delta_amount) as balance_amount
    from ledger
    where :basis = 'known'
    group by hospital_key, account_key, payer_group, as_of_date
    having sum(ar_delta_amount) <> 0
) as balances
left join (
    select
        account_key,
        max(service_date) as aged_from_date
    from (
        -- A charge that was taken back ages nothing.
        select
            account_key,
            service_date
        from ledger
        where money_type = 'CHARGE' and :basis = 'known'
        group by account_key, service_date
        having sum(ar_delta_amount) <> 0
    ) as charged_days
    group by account_key
) as charged
    on balances.account_key = charged.account_key
