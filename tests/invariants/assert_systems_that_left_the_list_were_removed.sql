-- A hospital whose line was deleted keeps its dollars in gold, and they get older by the day: rcm remove takes them
-- out.
{{ config(severity='warn') }}

select
    source_system,
    last_staged_at
from {{ ref('dq_systems') }}
where not is_listed
