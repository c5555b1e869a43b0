{#
    Accounts of which something is owed as things stand now: account_key. What is settled is nobody's task, whatever a
    claim or a single line of it still says. The caller names fct_ar_snapshot_monthly and dim_ledger_month, as tables
    and views read them.
#}
{% macro open_accounts(snapshots, ledger_months) -%}
select distinct balances.account_key
from {{ snapshots }} as balances
inner join {{ ledger_months }} as months
    on balances.hospital_key = months.hospital_key and balances.month_key = months.month_key
where months.is_latest and balances.debit_amount > 0
{%- endmacro %}
