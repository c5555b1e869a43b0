{#
    A dbt snapshot strategy for rows that are new versions already (see versions_to_record): dbt's check strategy
    keeps one row per key and run, so of several pending batches it would lose all versions but the last. Snapshots of
    any other strategy are dbt's own business: see the overrides at the end.
#}
{% macro snapshot_versions_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
    {% set key = config.get('unique_key') %}
    {% do return({
        'unique_key': key,
        'updated_at': 'effective_at',
        'row_changed': snapshotted_rel ~ '.version_number < ' ~ current_rel ~ '.version_number',
        'scd_id': generate_surrogate_key([key, 'version_number']),
        'hard_deletes': 'ignore',
        'invalidate_hard_deletes': false
    }) %}
{% endmacro %}

{# When a version ends: where the key's next one begins, also when both arrive in one run. #}
{% macro version_end(strategy) -%}
    coalesce(
        lead({{ strategy.updated_at }}) over (partition by {{ strategy.unique_key }} order by version_number),
        {{ config.get('dbt_valid_to_current') }}
    )
{%- endmacro %}

{% macro versions_table(strategy, sql) %}
    select
        *,
        {{ strategy.scd_id }} as dbt_scd_id,
        {{ strategy.updated_at }} as dbt_updated_at,
        {{ strategy.updated_at }} as dbt_valid_from,
        {{ version_end(strategy) }} as dbt_valid_to
    from (
        {{ sql }}
    ) as new_versions
{% endmacro %}

{% macro versions_to_merge(strategy, source_sql, target_relation) %}
    with

    new_versions as (
        {{ source_sql }}
    ),

    insertions as (
        select
            'insert' as dbt_change_type,
            new_versions.*,
            {{ strategy.unique_key }} as dbt_unique_key,
            {{ strategy.updated_at }} as dbt_updated_at,
            {{ strategy.updated_at }} as dbt_valid_from,
            {{ version_end(strategy) }} as dbt_valid_to,
            {{ strategy.scd_id }} as dbt_scd_id
        from new_versions
    ),

    first_new_versions as (
        select
            {{ strategy.unique_key }},
            min(version_number) as version_number
        from new_versions
        group by {{ strategy.unique_key }}
    ),

    updates as (
        select
            'update' as dbt_change_type,
            new_versions.*,
            current_versions.{{ strategy.unique_key }} as dbt_unique_key,
            new_versions.{{ strategy.updated_at }} as dbt_updated_at,
            new_versions.{{ strategy.updated_at }} as dbt_valid_from,
            new_versions.{{ strategy.updated_at }} as dbt_valid_to,
            current_versions.dbt_scd_id
        from new_versions
        inner join first_new_versions
            on
                new_versions.{{ strategy.unique_key }} = first_new_versions.{{ strategy.unique_key }}
                and new_versions.version_number = first_new_versions.version_number
        inner join {{ target_relation }} as current_versions
            on
                new_versions.{{ strategy.unique_key }} = current_versions.{{ strategy.unique_key }}
                and current_versions.dbt_valid_to = {{ config.get('dbt_valid_to_current') }}
    )

    select * from insertions
    union all
    select * from updates
{% endmacro %}

{#
    dbt asks these for the SQL of every snapshot. dbt-databricks has its own, so that it needs an override of its own.
#}
{% macro default__build_snapshot_table(strategy, sql) %}
    {% if config.get('strategy') == 'versions' %}
        {{ versions_table(strategy, sql) }}
    {% else %}
        {{ dbt.default__build_snapshot_table(strategy, sql) }}
    {% endif %}
{% endmacro %}

{% macro databricks__build_snapshot_table(strategy, sql) %}
    {% if config.get('strategy') == 'versions' %}
        {{ versions_table(strategy, sql) }}
    {% else %}
        {{ dbt.databricks__build_snapshot_table(strategy, sql) }}
    {% endif %}
{% endmacro %}

{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) %}
    {% if config.get('strategy') == 'versions' %}
        {{ versions_to_merge(strategy, source_sql, target_relation) }}
    {% else %}
        {{ dbt.default__snapshot_staging_table(strategy, source_sql, target_relation) }}
    {% endif %}
{% endmacro %}

{% macro databricks__snapshot_staging_table(strategy, source_sql, target_relation) %}
    {% if config.get('strategy') == 'versions' %}
        {{ versions_to_merge(strategy, source_sql, target_relation) }}
    {% else %}
        {{ dbt.databricks__snapshot_staging_table(strategy, source_sql, target_relation) }}
    {% endif %}
{% endmacro %}
