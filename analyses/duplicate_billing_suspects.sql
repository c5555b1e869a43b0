-- Question: what may have been billed twice?
-- Reading: two kinds of suspects. "charge line": more than one charge line for the same patient, procedure, service
-- date and amount. "claim": more than one claim in force for the same charge line, payer and amount. suspect_amount is
-- what is billed beyond the first. A suspect is to be looked at, not to be removed: the same procedure can rightly be
-- done twice a day, and a claim sent again under a new number is a correction. Rows that a source sent twice are not
-- here; they are taken out before gold.
select
    hospital_name,
    suspect_kind,
    patient_key,
    procedure_code,
    payer_name,
    service_date,
    billed_amount,
    times_billed,
    first_transaction_key,
    last_transaction_key,
    suspect_amount
from {{ ref('rpt_duplicate_billing') }}
order by suspect_amount desc, hospital_name asc, suspect_kind asc, first_transaction_key asc
