-- Reading: The hospitals the reader chose.
select
    hospital_key,
    hospital_code,
    hospital_name
from gold.dim_hospital
where hospital_key not in ('-1', '-2') and (:hospital = 'all' or hospital_name = :hospital)
