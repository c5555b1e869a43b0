-- Question: Is a hospital missing from these numbers, or a part of its data?
-- Reading: Hospitals of the control table without a charge line in gold, and batches that wait for a decision. Gold
-- goes on without them: the numbers of the other tables are complete.
select
    hospital_code as subject,
    concat('has no charge line: ', missing_reason) as problem
from gold.rpt_missing_hospitals

union all

select
    source_table as subject,
    concat('batch ', batch_id, ' waits: ', finding) as problem
from gold.fct_source_batches
where is_undecided
order by subject, problem
