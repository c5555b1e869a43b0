{#
    Columns of an entity that sources map: those its CDM contract declares without `computed`, then the staging
    model's inputs (checked by rules, then dropped). Each is {name, data_type, config}.
#}
{% macro mapped_columns(entity) %}
    {% set columns = [] %}
    {% for column in graph.nodes['model.' ~ project_name ~ '.cdm_' ~ entity].columns.values() %}
        {% if not column.config.meta.get('computed') %}{% do columns.append(column) %}{% endif %}
    {% endfor %}
    {% for name, data_type in entity_meta(entity).get('inputs', {}).items() %}
        {% do columns.append({'name': name, 'data_type': data_type, 'config': {'meta': {}}}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}

{% macro kept_columns(entity) %}
    {% set inputs = entity_meta(entity).get('inputs', {}).keys() | list %}
    {{ return(mapped_columns(entity) | map(attribute='name') | reject('in', inputs) | list) }}
{% endmacro %}

{#
    The renaming select of one source table: only batches after staged_until, if given, and none that was refused. Each
    step is a select of its own, because expressions that are repeated make an engine plan for minutes: texts cleans the
    texts of values, keys those that name records, read_values reads each value, judged says which dates cannot be true,
    and the outer one finishes the values and names what could not be read.
#}
{% macro mapped_source(system, entity, relation, mapped, staged_until, refused) -%}
{%- set node = bronze_node(system, entity) -%}
{%- set map = node.config.meta.map -%}
{%- set dialect = dict(dialect_of(system, entity), hospital_zone=hospital_zone(system)) -%}
{%- set columns = bound_columns(system, entity, mapped, dialect) -%}
{%- set with_text = columns | selectattr('has_text') | list -%}
{%- set keys = columns | selectattr('is_key') | list -%}
{%- set checked = columns | selectattr('is_checked') | list -%}
{%- set longer = columns | selectattr('is_longer') | list -%}
{%- set dated = columns | selectattr('is_dated') | list -%}
{{ check_map(system, entity, map, mapped) -}}
select
    source_system,
    {% for column in columns -%}
    {{ finished_value(column, dialect, system, entity) }} as {{ column.name }},
    {% endfor -%}
    concat_ws(
        ',', _unread_columns
        {%- for column in checked %},
        case when _has_{{ column.name }} and {{ column.name }} is null then '{{ column.name }}' end
        {%- endfor %}
    ) as _unparsed_columns,
    concat_ws(
        ',', cast(null as string)
        {%- for column in dated %},
        case when _is_untrue_{{ column.name }} then '{{ column.name }}' end
        {%- endfor %}
    ) as _implausible_columns,
    {{ unknown_words(columns, node) }} as _unknown_words,
    concat_ws(
        ',', cast(null as string)
        {%- for column in keys if is_reference(column, entity) %},
        case when _key_{{ column.name }} is not null and {{ column.name }} is null then '{{ column.name }}' end
        {%- endfor %}
    ) as _lost_references,
    {{ rounded_away(longer) }} as _rounded_amount,
    _contract_broken,
    _hospital_not_listed,
    '{{ system }}.{{ entity }}' as _source_table,
    concat(_batch_id, '/', lpad(cast(_row_number as string), 12, '0')) as _arrival,
    _source_file,
    _batch_id,
    _row_number,
    _load_type,
    _ingested_at,
    _row_hash,
    '{{ declaration_hash(system, entity) }}' as _declaration_hash
from (
    select
        {% for column in dated -%}
        {{ is_out_of_bounds(column, dialect) }} as _is_untrue_{{ column.name }},
        {% endfor -%}
        *
    from (
        select
            {% if 'source_system' in map -%}
            nullif({{ map.source_system }}, '')
            {%- else -%}
            '{{ system }}'
            {%- endif %} as source_system,
            {% for column in columns -%}
            {{ read_value(column, dialect, system, entity) }} as {{ column.name }},
            {% endfor -%}
            {% for column in keys if is_reference(column, entity) -%}
            _key_{{ column.name }},
            {% endfor -%}
            {% for column in columns if column.has_text and accepted_words(column) -%}
            _text_{{ column.name }},
            {% endfor -%}
            {% for column in checked -%}
            {{ '_text_' ~ column.name if column.has_text else column.expression }} is not null
                as _has_{{ column.name }},
            {% endfor -%}
            {% for column in longer -%}
            {{ long_amount(column, dialect) }} as _long_{{ column.name }},
            {% endfor -%}
            {{ contract_broken(node) }} as _contract_broken,
            {% if 'source_system' in map -%}
            coalesce({{ map.source_system }} not in ('{{ hospitals() | join("', '") }}'), true)
            {%- else -%}
            false
            {%- endif %} as _hospital_not_listed,
            _unread_columns,
            _source_file,
            _batch_id,
            _row_number,
            _load_type,
            cast(_ingested_at as timestamp) as _ingested_at,
            _row_hash
        from (
            select
                {% for column in keys -%}
                {{ clean_key('_text_' ~ column.name) }} as _key_{{ column.name }},
                {% endfor -%}
                *
            from (
                select
                    {% for column in with_text -%}
                    {{ value_text(column.expression, column, dialect) }} as _text_{{ column.name }},
                    {% endfor -%}
                    *
                from {{ relation }}
                {%- set conditions = ["_batch_id > '" ~ staged_until ~ "'"] if staged_until else [] -%}
                {%- for batch, source_table in (refused or {}).items() if source_table == system ~ '.' ~ entity -%}
                    {%- do conditions.append("_batch_id <> '" ~ batch ~ "'") -%}
                {%- endfor -%}
                {%- if conditions %}
                where {{ conditions | join(' and ') }}
                {%- endif %}
            ) as texts
        ) as keys
    ) as read_values
) as judged
{%- endmacro %}

{#
    The columns of an entity as a source table fills them: `expression` over the columns of bronze (none if it does not
    have it), `source_type` of that, and what staging does with it.
#}
{% macro bound_columns(system, entity, mapped, dialect) %}
    {% set node = bronze_node(system, entity) %}
    {% set columns = [] %}
    {% for column in mapped %}
        {% set name = column.config.meta.get('keyed_hash', {}).get('of', column.name) %}
        {% set declared = node.config.meta.map.get(name, '_ingested_at' if name == 'modified_at' else none) %}
        {% set type = source_type(declared, node.columns) %}
        {% set is_mapped = declared is not none %}
        {% do columns.append({
            'name': column.name,
            'data_type': column.data_type,
            'config': column.config,
            'expression': by_local_clocks(declared, node.columns, dialect.time_zone),
            'source_type': type,
            'has_text': is_mapped and 'string' in (column.data_type, type),
            'is_key': is_text_key(declared, column, system, entity),
            'is_checked': is_mapped and column.data_type not in ('string', type),
            'is_longer': can_be_rounded(declared, column, type),
            'is_dated': is_mapped and column.name in dialect.date_bounds and declared != '_ingested_at',
        }) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}

{# What rounding to cents took from a row's amounts, NULL where it took nothing. #}
{% macro rounded_away(columns) -%}
    {%- if not columns -%}
        cast(null as decimal(18, 6))
    {%- else -%}
    case
        when
            {% for column in columns -%}
            ({{ is_rounded('_long_' ~ column.name, column.name) }})
            {%- if not loop.last %}
            or {% endif -%}
            {%- endfor %}
            then cast(
                {% for column in columns -%}
                coalesce(cast(_long_{{ column.name }} - {{ column.name }} as decimal(18, 6)), 0)
                {%- if not loop.last %}
                + {% endif -%}
                {%- endfor %} as decimal(18, 6)
            )
    end
    {%- endif -%}
{%- endmacro %}

{#
    True where an amount loses something by rounding. A number with more than five decimals that is kept, as a binary
    number of 32 bits, is one that was stored as such, and loses nothing; ingestion/bronze/money.py has the same test.
#}
{% macro is_rounded(exact, kept) -%}
    abs({{ exact }} - {{ kept }}) >= 0.000001
    and not (
        {{ exact }} <> cast({{ exact }} as decimal(38, 5))
        and abs(cast({{ exact }} as double) - cast(cast({{ kept }} as float) as double)) < 0.000001
    )
{%- endmacro %}

{# Fingerprint of how a source table is staged: its map, formats, words, types, severities, codes and rules. #}
{% macro declaration_hash(system, entity) -%}
    {%- set meta = bronze_node(system, entity).config.meta -%}
    {%- set judged = [] -%}
    {%- for rule in all_rules(entity) -%}
        {%- set codes = rule.get('malformed_code') -%}
        {%- do judged.append(
            [rule, severity_in(rule, system, entity), code_shape(system, entity, codes) if codes else none]
        ) -%}
    {%- endfor -%}
    {%- set columns = [] -%}
    {%- for column in mapped_columns(entity) -%}
        {%- do columns.append([column.name, column.data_type, accepted_words(column)]) -%}
    {%- endfor -%}
    {{- local_md5(tojson(
        [meta.map, dialect_of(system, entity), hospital_zone(system), columns, judged,
            contract_broken(bronze_node(system, entity)),
            amount_limit(system, entity), 'content_hash']
        + keys_of_others(system, entity) + (hospitals() if 'source_system' in meta.map else [])
        + keyed_hash_declarations(entity), sort_keys=true
    )) -}}
{%- endmacro %}

{# Declarations of an entity's keyed hashes and a fingerprint of the key; [] if it has none. #}
{% macro keyed_hash_declarations(entity) %}
    {% set declared = mapped_columns(entity) | map(attribute='config.meta.keyed_hash') | select('defined') | list %}
    {% if declared and execute %}
        {% set fingerprint = run_query('select ' ~ keyed_hash("'fingerprint'")).columns[0].values()[0] %}
        {% do declared.append(fingerprint) %}
    {% endif %}
    {{ return(declared) }}
{% endmacro %}

{# A mapping to a column that the common data model lacks would be ignored silently. #}
{% macro check_map(system, entity, map, mapped) -%}
    {%- set known = mapped | rejectattr('config.meta.keyed_hash', 'defined') | map(attribute='name') | list
        + ['source_system'] -%}
    {%- for name in map if name not in known -%}
        {{ exceptions.raise_compiler_error(
            system ~ '.' ~ entity ~ ': map names ' ~ name ~ ', which the common data model of ' ~ entity
            ~ ' does not have; it has ' ~ known | join(', ')
        ) }}
    {%- endfor -%}
{%- endmacro %}

{# The columns of a staged source without rows, for an entity that no listed system feeds. #}
{% macro no_rows(mapped) -%}
select
    cast(null as string) as source_system,
    {% for column in mapped -%}
    {{ widened('cast(null as ' ~ column.data_type ~ ')', column) }} as {{ column.name }},
    {% endfor -%}
    cast(null as string) as _unparsed_columns,
    cast(null as string) as _unknown_words,
    cast(null as string) as _lost_references,
    cast(null as string) as _implausible_columns,
    cast(null as decimal(18, 6)) as _rounded_amount,
    false as _contract_broken,
    false as _hospital_not_listed,
    cast(null as string) as _source_table,
    cast(null as string) as _arrival,
    cast(null as string) as _source_file,
    cast(null as string) as _batch_id,
    cast(null as bigint) as _row_number,
    cast(null as string) as _load_type,
    cast(null as timestamp) as _ingested_at,
    cast(null as string) as _row_hash,
    cast(null as string) as _declaration_hash
where false
{%- endmacro %}

{#
    The newest batch of each source table that a relation holds, as {source table: batch id}: a literal in the filter
    lets every engine skip the files of older batches.
#}
{% macro batches_seen(relation) %}
    {% set seen = {} %}
    {% if execute %}
        {% set query = 'select _source_table, max(_batch_id) from ' ~ relation ~ ' group by _source_table' %}
        {% for row in run_query(query).rows %}
            {% do seen.update({row[0]: row[1]}) %}
        {% endfor %}
    {% endif %}
    {{ return(seen) }}
{% endmacro %}
