{#
    The pseudonym that a CDM column declares (config.meta.keyed_hash: {of: mapped column, digits: how many}): a keyed
    hash of the digits only, so that spelling does not matter. NULL if there are not that many digits, and for one
    repeated digit, a placeholder that would make one person of all who have it.
#}
{% macro keyed_hash_of(expression, declared) -%}
    {%- set digits = "replace(replace(replace(" ~ expression ~ ", '-', ''), ' ', ''), '.', '')" -%}
    case
        when {{ matches_pattern(digits, '^[0-9]{' ~ declared.digits ~ '}$') }}
        and replace({{ digits }}, substr({{ digits }}, 1, 1), '') <> ''
        then {{ keyed_hash(digits) }}
    end
{%- endmacro %}
