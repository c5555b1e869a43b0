-- vars.aging_buckets as a table, for everybody outside of dbt.
with

final as (
    {%- for bucket in aging_buckets() %}
    select
        '{{ bucket.label }}' as aging_bucket,
        cast({{ bucket.from_days }} as bigint) as from_days,
        cast({{ bucket.to_days if bucket.to_days is not none else 'null' }} as bigint) as to_days,
        {{ is_over_90_days(bucket.from_days) }} as is_over_90_days,
        cast({{ loop.index }} as bigint) as sort_order
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select * from final
