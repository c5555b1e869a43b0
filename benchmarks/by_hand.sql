-- The core results of gold in hand-written DuckDB SQL, from the demonstration's bronze: what an analyst would write for
-- these two hospitals, without metadata, history, closes, contracts and tests. daily_cost.py runs it as a yardstick and
-- compares its A/R with gold's.
create table patients as
select distinct on (hospital, PatientID) *
from (
    select 'A' as hospital, PatientID, FirstName, LastName, DOB, Gender, Address, _batch_id
    from delta_scan('{bronze}/hospital_a/patients')
    union all
    select 'B', ID, F_Name, L_Name, DOB, Gender, Address, _batch_id
    from delta_scan('{bronze}/hospital_b/patients')
)
order by hospital, PatientID, _batch_id desc;

create table encounters as
select distinct on (hospital, EncounterID) *
from (
    select 'A' as hospital, EncounterID, PatientID, EncounterDate, EncounterType, _batch_id
    from delta_scan('{bronze}/hospital_a/encounters')
    union all
    select 'B', EncounterID, PatientID, EncounterDate, EncounterType, _batch_id
    from delta_scan('{bronze}/hospital_b/encounters')
)
order by hospital, EncounterID, _batch_id desc;

create table lines as
with arrived as (
    select 'A' as hospital, * from delta_scan('{bronze}/hospital_a/transactions')
    union all by name
    select 'B' as hospital, * from delta_scan('{bronze}/hospital_b/transactions')
),

sound as (
    select *
    from arrived
    where
        trim(TransactionID) <> ''
        and ServiceDate between cast(_ingested_at as date) - interval 20 year and cast(_ingested_at as date)
        and (ICDCode is null or regexp_full_match(upper(ICDCode), '[A-Z][0-9A-Z][0-9A-Z]([.]?[0-9A-Z]{1,4})?'))
),

contradicting as (
    select hospital, TransactionID, _batch_id
    from arrived
    group by all
    having count(distinct _row_hash) > 1
)

select distinct on (hospital, TransactionID) *
from sound
anti join contradicting using (hospital, TransactionID, _batch_id)
order by hospital, TransactionID, _batch_id desc, _row_number desc;

create table claims as
select distinct on (ClaimID) *
from delta_scan('{bronze}/claims/claims')
order by ClaimID, _batch_id desc, _row_number desc;

create table events as
select hospital, EncounterID, LineOfBusiness, ServiceDate, ServiceDate as PostDate, 'CHARGE' as kind, Amount as amount
from lines
union all
select hospital, EncounterID, LineOfBusiness, ServiceDate, coalesce(PaidDate, ServiceDate), 'PAYMENT', -PaidAmount
from lines
where PaidAmount <> 0;

create table receivables as
select hospital, sum(amount) as balance
from events
group by all;

create table rollforward as
select
    *,
    sum(charges + payments) over (partition by hospital, LineOfBusiness order by month) as closing
from (
    select
        hospital,
        LineOfBusiness,
        date_trunc('month', PostDate) as month,
        sum(amount) filter (where kind = 'CHARGE') as charges,
        coalesce(sum(amount) filter (where kind = 'PAYMENT'), 0) as payments
    from events
    group by all
);

create table month_ends as
select distinct hospital, last_day(PostDate) as month_end
from events;

create table aging as
with balances as (
    select
        month_ends.hospital,
        month_ends.month_end,
        events.EncounterID,
        sum(events.amount) as balance,
        month_ends.month_end - min(events.ServiceDate) as age_days
    from month_ends
    inner join events on month_ends.hospital = events.hospital and events.PostDate <= month_ends.month_end
    group by month_ends.hospital, month_ends.month_end, events.EncounterID
    having sum(events.amount) <> 0
)

select
    hospital,
    month_end,
    sum(balance) as balance,
    sum(balance) filter (where balance > 0 and age_days > 90) as over_90_days
from balances
group by all;

create table days_in_ar as
select
    aging.hospital,
    aging.month_end,
    aging.balance / nullif(sum(events.amount), 0)
    * (aging.month_end - (aging.month_end - interval 3 month)::date) as days
from aging
inner join events
    on
        aging.hospital = events.hospital
        and events.kind = 'CHARGE'
        and events.PostDate > aging.month_end - interval 3 month
        and events.PostDate <= aging.month_end
group by aging.hospital, aging.month_end, aging.balance;

create table denials as
select substr(ClaimDate, 1, 7) as month, count(*) filter (where ClaimStatus = 'Denied') / count(*) as denial_rate
from claims
group by all;
