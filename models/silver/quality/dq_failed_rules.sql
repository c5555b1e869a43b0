-- Failed rules as rows. The list of names in staging stays the one judgement; the catalogue says what each means.
with

staged as (
    select * from {{ ref('dq_staged_rows') }}
    where failed_rules is not null
),

rules as (
    select * from {{ ref('dq_rules') }}
    where not is_relation
),

final as (
    select
        staged.entity,
        staged.source_system,
        staged.row_status,
        rules.rule_name,
        rules.rule_number,
        rules.rule_description,
        staged._source_table,
        staged._batch_id,
        staged._arrival
    from staged
    inner join rules
        on
            staged.entity = rules.entity
            and concat(',', staged.failed_rules, ',') like concat('%,', rules.rule_name, ',%')
)

select * from final
