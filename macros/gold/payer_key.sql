{# Key of dim_payer: what a hospital calls a payer, within a payer group. #}
{% macro payer_key(source_system, payer_id, payer_group) -%}
    case
        when {{ payer_id }} is null then '-2'
        else {{ generate_surrogate_key([source_system, payer_id, payer_group]) }}
    end
{%- endmacro %}
