{#
    Accounts of which something is owed as things stand now: account_key. What is settled is nobody's task, whatever a
    claim or a single line of it still says.
#}
{% macro open_accounts() -%}
select distinct balances.account_key
from {{ within_warehouse(ref('fct_ar_snapshot_monthly')) }} as balances
inner join {{ within_warehouse(ref('dim_ledger_month')) }} as months
    on balances.hospital_key = months.hospital_key and balances.month_key = months.month_key
where months.is_latest and balances.debit_amount > 0
{%- endmacro %}
