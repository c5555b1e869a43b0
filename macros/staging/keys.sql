{#
    How keys are compared. A text that names a record is stored as its source compares it: without white space around
    it (tab, no-break, thin and zero-width spaces and the byte-order mark are white space, too), without the ="..." in
    which spreadsheets keep text, codes as their standard writes them, and case, leading zeros and spaces within as the
    source declares them (dialect.keys): fold makes one key of what differs only in them, exact makes two; hold, the
    default, makes two, and the second to arrive is held back (key_resembles_another).
#}
{% macro compared_key(text, column, system, entity) -%}
    {%- set named = entity_named_by(entity, column) -%}
    {%- if column.config.meta.get('code_systems') -%}
        {{ code_text(text, code_systems_of(system, entity, column.name)) }}
    {%- elif is_reference(column, entity) -%}
        {#- A reference that a spreadsheet shortened names nobody: lines of many accounts would become one's. -#}
        case when not {{ is_scientific(text) }} then {{ folded_key(text, system, entity, named) }} end
    {%- else -%}
        {{ folded_key(text, system, entity, named) }}
    {%- endif -%}
{%- endmacro %}

{# Whether a column names a record of another entity by its key; codes are references to what their standard lists. #}
{% macro is_reference(column, entity) %}
    {{ return(
        entity_named_by(entity, column) not in (none, entity) and not column.config.meta.get('code_systems')
    ) }}
{% endmacro %}

{# Whether a column names a record by a text of its source; a number of a database has one spelling. #}
{% macro is_text_key(expression, column, system, entity) %}
    {% set source_columns = bronze_node(system, entity).columns %}
    {% if expression is none or column.data_type != 'string' or (
        expression in source_columns and source_columns[expression].data_type != 'string'
    ) %}
        {{ return(false) }}
    {% endif %}
    {{ return(entity_named_by(entity, column) is not none or column.name.endswith('_id') or column.name == 'npi') }}
{% endmacro %}

{# How the owners of the records that a table of several hospitals names compare their keys; [] for other tables. #}
{% macro keys_of_others(system, entity) %}
    {% set found = [] %}
    {% for column in mapped_columns(entity) if 'source_system' in bronze_node(system, entity).config.meta.map %}
        {% set named = entity_named_by(entity, column) %}
        {% for hospital in systems_declaring(named) if named %}
            {% do found.append([named, hospital, keys_of(hospital, named)]) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{# The entity whose records a column names by their key: its own, or that of a reference; none for other columns. #}
{% macro entity_named_by(entity, column) %}
    {% if column.name in entity_meta(entity).key_columns %}
        {{ return(entity) }}
    {% endif %}
    {{ return(column.config.meta.get('references')) }}
{% endmacro %}

{#
    A key as text: every white space is a space, none is around it; NULL where nothing is left. Most keys are letters
    and digits: these are found by a pattern, which is twenty times as fast as a translation.
#}
{% macro clean_key(text) -%}
    {%- set spaced = 'translate(' ~ text ~ ', ' ~ characters() ~ ", '" ~ ' ' * separators() | length ~ "')" -%}
    {%- set before = ' ="' ~ dbt.escape_single_quotes("'") -%}
    case
        when {{ matches_pattern(text, '^[A-Za-z0-9][A-Za-z0-9._/-]*$') }} then {{ text }}
        else nullif(trim(trailing ' "' from trim(leading '{{ before }}' from {{ spaced }})), '')
    end
{%- endmacro %}

{# A code as its standard writes it: capitals, and of ICD-10-CM with its dot after the third character. #}
{% macro code_text(text, systems) -%}
    {%- if systems == ['ICD-10-CM'] -%}
        {%- set plain = "upper(replace(" ~ text ~ ", '.', ''))" -%}
        {%- set shape = '^[A-Za-z][0-9A-Za-z][0-9A-Za-z]([.]?[0-9A-Za-z]{0,4})?$' -%}
        case
            when not {{ matches_pattern(text, shape) }} then {{ text }}
            when length({{ plain }}) > 3 then concat(substr({{ plain }}, 1, 3), '.', substr({{ plain }}, 4))
            else {{ plain }}
        end
    {%- elif systems | reject('in', ['CPT', 'HCPCS']) | list -%}
        {{ text }}
    {%- else -%}
        upper({{ text }})
    {%- endif -%}
{%- endmacro %}

{# In which two spellings of one key differ, in the order in which they are folded. #}
{% macro key_differences() %}{{ return(['spaces', 'case', 'leading_zeros']) }}{% endmacro %}

{# How a source compares the keys of one table: hold, fold or exact for each difference. #}
{% macro keys_of(system, entity) %}
    {% set declared = dialect_of(system, entity).get('keys') or {} %}
    {% set found = {} %}
    {% for difference in key_differences() %}
        {% do found.update({difference: declared.get(difference, 'hold')}) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{# A text without one difference. #}
{% macro without_difference(text, difference) -%}
    {%- if difference == 'spaces' -%}
        replace({{ text }}, ' ', '')
    {%- elif difference == 'case' -%}
        upper({{ text }})
    {%- else -%}
        {#- A spreadsheet makes 123 of 00123, a data frame 123.0. -#}
        case
            when {{ matches_pattern(text, '^[0-9]+([.]0+)?$') }}
                then coalesce(nullif(trim(leading '0' from split_part({{ text }}, '.', 1)), ''), '0')
            else {{ text }}
        end
    {%- endif -%}
{%- endmacro %}

{#
    A key, or a reference, without the differences that the source of the named record declares as none. A table with
    rows of several hospitals (map.source_system) refers to each one's records as that one compares them.
#}
{% macro folded_key(text, system, entity, named) -%}
    {%- set owner = bronze_node(system, entity).config.meta.map.get('source_system') -%}
    {%- set folded = namespace(text=text) -%}
    {%- if owner and named not in (none, entity) -%}
        {%- set compared = {} -%}
        {%- for hospital in systems_declaring(named) -%}
            {%- do compared.update({hospital: keys_of(hospital, named)}) -%}
        {%- endfor -%}
        {%- for difference in key_differences() -%}
            {%- set hospitals = [] -%}
            {%- for hospital, how in compared.items() if how[difference] == 'fold' -%}
                {%- do hospitals.append(hospital) -%}
            {%- endfor -%}
            {%- if hospitals -%}
                {%- set folded.text -%}
                case
                    when {{ owner }} in ('{{ hospitals | join("', '") }}')
                        then {{ without_difference(folded.text, difference) }}
                    else {{ folded.text }}
                end
                {%- endset -%}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {%- set how = keys_of(system, named if named and system in systems_feeding(named) else entity) -%}
        {%- for difference in key_differences() if how[difference] == 'fold' -%}
            {%- set folded.text = without_difference(folded.text, difference) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ folded.text }}
{%- endmacro %}

{# The column of a record's own number, within its source. #}
{% macro own_key_column(entity) %}
    {{ return(entity_meta(entity).key_columns | reject('equalto', 'source_system') | first) }}
{% endmacro %}

{# The differences that hold a key of a source table back; none where its codes are folded by their standard. #}
{% macro held_differences(system, entity) %}
    {% if cdm_column(entity, own_key_column(entity)).config.meta.get('code_systems') %}{{ return([]) }}{% endif %}
    {% set held = [] %}
    {% for difference, how in keys_of(system, entity).items() if how == 'hold' %}
        {% do held.append(difference) %}
    {% endfor %}
    {{ return(held) }}
{% endmacro %}

{# Whether a table of an entity holds keys back at all. #}
{% macro holds_keys(entity) %}
    {% for system in systems_feeding(entity) if held_differences(system, entity) %}{{ return(true) }}{% endfor %}
    {{ return(false) }}
{% endmacro %}

{#
    The record key that a row would have without the differences for which its table holds keys back; NULL where that
    is its own key, as most are.
#}
{% macro likeness_of_key(entity) -%}
    {%- set tables = {} -%}
    {%- for system in systems_feeding(entity) if held_differences(system, entity) -%}
        {%- do tables.setdefault(held_differences(system, entity) | join(','), []).append(
            "'" ~ system ~ '.' ~ entity ~ "'"
        ) -%}
    {%- endfor -%}
    {%- if not tables -%}{{ return('cast(null as string)') }}{%- endif -%}
    case
    {%- for differences, names in tables.items() %}
        {%- set parts, altered = [], [] -%}
        {%- for part in entity_meta(entity).key_columns -%}
            {%- set plain = namespace(text=part) -%}
            {%- for difference in differences.split(',') if part != 'source_system' -%}
                {%- set plain.text = without_difference(plain.text, difference) -%}
            {%- endfor -%}
            {%- do parts.append(plain.text) -%}
            {%- if plain.text != part %}{% do altered.append(plain.text ~ ' <> ' ~ part) %}{% endif -%}
        {%- endfor %}
        when _source_table in ({{ names | join(', ') }}) and ({{ altered | join(' or ') }})
            then {{ generate_surrogate_key(parts) }}
    {%- endfor %}
    end
{%- endmacro %}

{# True where a key is what a spreadsheet made of a long number, 1.23E+05: its digits are gone. #}
{% macro is_scientific(text) -%}
    {{ matches_pattern(text, '^[0-9]([.,][0-9]+)?[eE][+-][0-9]+$|^[0-9][.,][0-9]+[eE][0-9]+$') }}
{%- endmacro %}

{#
    Keys that resemble another key of their table: of keys that are alike the one that came in the earliest batch
    stands, the others are held back until a person says what they are. Where several came in that batch, all are held
    back. What is held back still says that the record it stands for (_stands_for_key) exists.
#}
{% macro keys_with_likeness(entity, key) -%}
{%- if not holds_keys(entity) -%}
keyed as (
    select
        *,
        false as _key_resembles_another,
        cast(null as string) as _stands_for_key
    from identified
),
{%- else -%}
alike as (
    select
        _source_table,
        _resembled_key as likeness
    from identified
    where _resembled_key is not null
    {%- if is_incremental() %}
    union
    select
        _source_table,
        _resembled_key as likeness
    from {{ this }}
    where _resembled_key is not null and _resembled_key in (select coalesce(_resembled_key, {{ key }}) from identified)
    {%- else %}
    group by _source_table, _resembled_key
    {%- endif %}
),

alike_keys as (
    select
        _source_table,
        likeness,
        {{ key }},
        min(_batch_id) as first_batch_id
    from (
        select _source_table, coalesce(_resembled_key, {{ key }}) as likeness, {{ key }}, _batch_id
        from identified
        where {{ key }} is not null
        {%- if is_incremental() %}
        union all
        select _source_table, coalesce(_resembled_key, {{ key }}) as likeness, {{ key }}, _batch_id
        from {{ this }}
        where {{ key }} is not null and row_status <> 'deleted'
        {%- endif %}
    ) as all_keys
    where likeness in (select likeness from alike)
    group by _source_table, likeness, {{ key }}
),

contested as (
    select
        _source_table,
        likeness,
        min(first_batch_id) as first_batch_id
    from alike_keys
    group by _source_table, likeness
    having count(*) > 1
),

standing as (
    select
        contested._source_table,
        contested.likeness,
        case when count(*) = 1 then min(alike_keys.{{ key }}) end as {{ key }}
    from contested
    inner join alike_keys
        on
            contested._source_table = alike_keys._source_table
            and contested.likeness = alike_keys.likeness
            and contested.first_batch_id = alike_keys.first_batch_id
    group by contested._source_table, contested.likeness
),

keyed as (
    select
        identified.*,
        standing.likeness is not null and standing.{{ key }} is distinct from identified.{{ key }}
            as _key_resembles_another,
        case when standing.{{ key }} <> identified.{{ key }} then standing.{{ key }} end as _stands_for_key
    from identified
    left join standing
        on
            identified._source_table = standing._source_table
            and coalesce(identified._resembled_key, identified.{{ key }}) = standing.likeness
),
{%- endif -%}
{%- endmacro %}
