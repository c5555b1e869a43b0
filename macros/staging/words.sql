{#
    Vocabularies: columns whose words the common data model declares (meta.values). A word is never guessed. The
    canonical words are always words; a source lists its own (dialect.words) beside the default ones. Words are compared
    without case, white space, hyphen, underscore and dot. What is none of them becomes NULL and is named in
    _unknown_words.
#}
{% macro words_of(dialect, column) %}
    {% set meanings = {} %}
    {% set own = dialect.get('words') or {} %}
    {% for said in [
        accepted_words(column), own.get(column.config.meta.get('words_like'), {}), own.get(column.name, {})
    ] %}
        {% for canonical, words in said.items() %}
            {% for word in ([words] if words is string else words) %}
                {% do meanings.update({word | lower: canonical, plain_word(word): canonical}) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {% for canonical in accepted_words(column) %}
        {% do meanings.update({canonical | lower: canonical, plain_word(canonical): canonical}) %}
    {% endfor %}
    {{ return(meanings) }}
{% endmacro %}

{# Spelling that makes no other word. #}
{% macro plain_word(word) %}{{ return(modules.re.sub('[\\s_.-]', '', word | string | lower)) }}{% endmacro %}

{# The canonical word of a text; NULL where it has none. A word as it is declared needs no translation. #}
{% macro canonical_word(text, meanings) -%}
    {%- set choices = [] -%}
    {%- for word, canonical in meanings.items() -%}
        {%- do choices.append("when '" ~ dbt.escape_single_quotes(word) ~ "' then '" ~ canonical ~ "'") -%}
    {%- endfor -%}
    coalesce(
        case lower({{ text }}) {{ choices | join(' ') }} end,
        case translate(lower({{ text }}), concat(' -_.', {{ characters() }}), '') {{ choices | join(' ') }} end
    )
{%- endmacro %}

{#
    The words of a row that no vocabulary knows, as column=word, separated by |. A word is shown only where it can be
    one: some letters, at most four parts, from a column that is not tagged as PHI. Of all other texts the length is.
#}
{% macro unknown_words(columns, node) -%}
    concat_ws(
        '|', cast(null as string)
        {%- for column in columns if column.has_text and accepted_words(column) %}
        {%- set text = '_text_' ~ column.name %},
        case
            when {{ text }} is not null and {{ column.name }} is null
                then concat('{{ column.name }}=', {{ shown_word(text, reads_phi(column.expression, node)) }})
        end
        {%- endfor %}
    )
{%- endmacro %}

{% macro reads_phi(expression, node) %}
    {% for column in node.columns.values() if column.config.meta.get('phi') %}
        {% if modules.re.search('(?i)(^|[^a-z0-9_])' ~ modules.re.escape(column.name) ~ '($|[^a-z0-9_])', expression) %}
            {{ return(true) }}
        {% endif %}
    {% endfor %}
    {{ return(false) }}
{% endmacro %}

{% macro shown_word(text, is_phi) -%}
    {%- set length = "concat('(', cast(length(" ~ text ~ ") as string), ' characters)')" -%}
    {%- if is_phi -%}
        {{ length }}
    {%- else -%}
        case
            when
                length({{ text }}) <= 40
                and {{ matches_pattern(text, '^[A-Za-z]+([ /&+-][A-Za-z]+){0,3}$') }}
                then {{ text }}
            else {{ length }}
        end
    {%- endif -%}
{%- endmacro %}

{# True where a staged row has an unknown word in a column. #}
{% macro has_unknown_word(column) -%}
    concat('|', _unknown_words) like '%|{{ column }}=%'
{%- endmacro %}

{# The unknown word of a column as it is shown. #}
{% macro unknown_word_of(column) -%}
    split_part(split_part(concat('|', _unknown_words), '|{{ column }}=', 2), '|', 1)
{%- endmacro %}

{# The amount that stands or falls with a word: its column's (weighed_by), else the entity's; none without money. #}
{% macro amount_behind(entity, column) %}
    {{ return(column.config.meta.get('weighed_by', entity_meta(entity).get('amount'))) }}
{% endmacro %}
