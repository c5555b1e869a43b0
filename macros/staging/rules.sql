{#
    Rules of an entity are declared once, in the meta of its staging model; this is their one reading. A rule says
    what is bad, in one of five forms:
        bad_when: SQL over the entity's columns
        out_of_bounds: column, judged by the date bounds of its source's dialect
        not_matching: {column: regular expression}
        macro: {macro name: column}
        malformed_code: column, judged by the shapes of the code systems its source declares
        unknown_word: column, judged by its vocabulary
    NULL counts as bad unless null_is_bad is false. Severity: reject, quarantine or warn; a source may override it.
    A rule does not apply to a source that maps none of the columns it reads, or not all of them; `needs` names those
    that count where it can do without some.
#}
{% macro entity_meta(entity) %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.stg_' ~ entity].config.meta) }}
{% endmacro %}

{# Rules every entity has, judged by the staging macro itself. #}
{% macro built_in_rules() %}
    {{ return([
        {
            'name': 'key_missing', 'severity': 'reject',
            'description': 'The natural key is missing, so the row belongs to nothing.'
        },
        {
            'name': 'value_unparseable', 'severity': 'reject',
            'description': 'A number, date or flag cannot be read as one.'
        },
        {
            'name': 'hospital_not_listed', 'severity': 'reject',
            'description': 'The row, or the name of its file, gives a hospital that is not in the list of systems.'
        },
        {
            'name': 'key_repeated_in_batch', 'severity': 'quarantine',
            'description': 'The key occurs twice in one batch with different content; neither row can be trusted.'
        },
        {
            'name': 'key_resembles_another', 'severity': 'quarantine',
            'description': 'The key differs from another key of its table only in case, leading zeros or spaces.'
        },
        {
            'name': 'key_in_scientific_notation', 'severity': 'quarantine',
            'description': 'The key is a number as a spreadsheet shortens it, like 1.23E+05; its digits are gone.'
        },
        {
            'name': 'reference_in_scientific_notation', 'severity': 'warn',
            'description': 'A reference is a number as a spreadsheet shortens it; it names no record any more.'
        },
        {
            'name': 'amount_rounded', 'severity': 'warn',
            'description': 'An amount has more than two decimals; it is rounded half up to cents.'
        },
        {
            'name': 'contract_broken', 'severity': 'quarantine',
            'description': 'A required column is empty, or a value is none of those the source declares.'
        },
        {
            'name': 'amount_implausible', 'severity': 'quarantine',
            'description': 'An amount is greater than the limit of its source table, whatever its sign.'
        },
    ]) }}
{% endmacro %}

{% macro all_rules(entity) %}
    {% set declared = entity_meta(entity).get('rules', []) %}
    {% for rule in declared if rule.severity not in ['reject', 'quarantine', 'warn', 'ignore'] %}
        {{ exceptions.raise_compiler_error(
            'stg_' ~ entity ~ ': severity ' ~ rule.severity ~ ' of rule ' ~ rule.name
            ~ ' is none of reject, quarantine, warn, ignore'
        ) }}
    {% endfor %}
    {{ return(built_in_rules() + clock_rules(entity) + declared) }}
{% endmacro %}

{# Of every entity that has these columns: a clock that cannot be right. #}
{% macro clock_rules(entity) %}
    {% set rules = [] %}
    {% for name, instead in {'inserted_at': 'NULL', 'modified_at': 'the time of the load'}.items() %}
        {% if name in kept_columns(entity) %}
            {% do rules.append({
                'name': name ~ '_out_of_range', 'severity': 'warn', 'out_of_bounds': name, 'null_is_bad': false,
                'description': 'The time is long before the load or after it; it is read as ' ~ instead ~ '.'
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(rules) }}
{% endmacro %}

{# SQL that is true where the row is bad, never NULL. #}
{% macro rule_fails(rule, entity) -%}
    {%- set null_is_bad = rule.get('null_is_bad', true) -%}
    {%- if 'not_matching' in rule -%}
        {%- set column, pattern = (rule.not_matching.items() | list)[0] -%}
        coalesce(not {{ matches_pattern(column, pattern) }}, {{ null_is_bad }})
    {%- elif 'macro' in rule -%}
        {%- set name, column = (rule.macro.items() | list)[0] -%}
        coalesce({{ context[name](column) }}, {{ null_is_bad }})
    {%- elif 'unknown_word' in rule -%}
        {{ has_unknown_word(rule.unknown_word) }}
    {%- elif 'out_of_bounds' in rule -%}
        (
            {%- if null_is_bad %}{{ rule.out_of_bounds }} is null or {% endif -%}
            concat(',', _implausible_columns, ',') like '%,{{ rule.out_of_bounds }},%'
        )
    {%- elif 'malformed_code' in rule -%}
        coalesce({{ code_is_malformed(entity, rule.malformed_code) }}, {{ null_is_bad }})
    {%- else -%}
        coalesce({{ rule.bad_when }}, {{ null_is_bad }})
    {%- endif -%}
{%- endmacro %}

{#
    How severe a rule or relation is for one source: as declared unless the source says otherwise, 'ignore' where it
    cannot apply.
#}
{% macro severity_in(rule, system, entity) %}
    {% set mapped = bronze_node(system, entity).config.meta.map %}
    {% if rule_columns(rule, entity) | reject('in', mapped) | list %}
        {{ return('ignore') }}
    {% elif rule.name == 'amount_rounded' and not has_money(entity) %}
        {{ return('ignore') }}
    {% elif 'malformed_code' in rule and code_shape(system, entity, rule.malformed_code) is none %}
        {{ return('ignore') }}
    {% elif
        rule.name == 'hospital_not_listed'
        and 'source_system' not in bronze_node(system, entity).config.meta.get('map', {})
    %}
        {{ return('ignore') }}
    {% elif 'parent' in rule and not can_be_looked_up(rule, system, entity) %}
        {{ return('ignore') }}
    {% endif %}
    {{ return(bronze_node(system, entity).config.meta.get('severity', {}).get(rule.name, rule.severity)) }}
{% endmacro %}

{# The columns of the common data model that a source must map for a rule to say something about it. #}
{% macro rule_columns(rule, entity) %}
    {% if 'needs' in rule %}
        {{ return(rule.needs) }}
    {% elif 'parent' in rule %}
        {{ return([rule.column]) }}
    {% endif %}
    {% for form in ['malformed_code', 'unknown_word', 'out_of_bounds'] if form in rule %}
        {{ return([rule[form]]) }}
    {% endfor %}
    {% set named = rule.get('not_matching', rule.get('macro', {})) %}
    {% set read = named.values() if 'macro' in rule else named.keys() %}
    {% set words = modules.re.findall('[a-z_]+', rule.get('bad_when', '') ~ ' ' ~ read | join(' ')) %}
    {{ return(mapped_columns(entity) | map(attribute='name') | select('in', words) | list) }}
{% endmacro %}

{% macro has_money(entity) %}
    {% for column in mapped_columns(entity) if column.data_type.startswith('decimal') %}{{ return(true) }}{% endfor %}
    {{ return(false) }}
{% endmacro %}

{# Where a rule, with the severity a source gives it, has the wanted severity: 'true', 'false' or a condition. #}
{% macro rule_has_severity(rule, severity, entity) -%}
    {%- set tables = [] -%}
    {%- set others = [] -%}
    {%- for system in systems_feeding(entity) -%}
        {%- set here = severity_in(rule, system, entity) == severity -%}
        {%- do (tables if here else others).append("'" ~ system ~ "." ~ entity ~ "'") -%}
    {%- endfor -%}
    {%- if not others -%}{{ return('true' if tables else 'false') }}{%- endif -%}
    {{ return('_source_table in (' ~ tables | join(', ') ~ ')' if tables else 'false') }}
{%- endmacro %}

{# Comma-separated names of the failed rules of one severity; '' where none failed. #}
{% macro failed_rules(entity, severity) -%}
    concat_ws(',', cast(null as string)
    {%- for rule in all_rules(entity) -%}
        {%- set applies = rule_has_severity(rule, severity, entity) -%}
        {%- if applies != 'false' %},
        case when {{ '_' ~ rule.name if rule in built_in_rules() else rule_fails(rule, entity) }}
        {%- if applies != 'true' %} and {{ applies }}{% endif %} then '{{ rule.name }}' end
        {%- endif -%}
    {%- endfor %})
{%- endmacro %}
