{#
    HMAC-SHA256 of a text as lower-case hex, NULL for NULL: sha256(outer || sha256(inner || text)). Without the key the
    hash cannot be reversed by trying all values. The two halves of the key are never part of the SQL text.
#}
{% macro keyed_hash(text) %}
    {{- adapter.dispatch('keyed_hash')(text) -}}
{% endmacro %}

{# One row of a temporary view of the session, filled by rcm/warehouse/spark_session.py; without it there is no hash. #}
{% macro default__keyed_hash(text) -%}
    sha2(concat(
        (select outer_pad from rcm_phi_pads),
        unhex(sha2(concat((select inner_pad from rcm_phi_pads), encode({{ text }}, 'UTF-8')), 256))
    ), 256)
{%- endmacro %}

{# Two secrets of a scope, in hex; Databricks redacts them in every query it shows. #}
{% macro databricks__keyed_hash(text) -%}
    {%- set scope = env_var('RCM_PHI_SCOPE', 'rcm') -%}
    sha2(concat(
        unhex(secret('{{ scope }}', 'phi-outer')),
        unhex(sha2(concat(unhex(secret('{{ scope }}', 'phi-inner')), encode({{ text }}, 'UTF-8')), 256))
    ), 256)
{%- endmacro %}

{# Variables of the session, set by rcm/warehouse/duckdb_plugin.py; without them the hash is an error. #}
{% macro duckdb__keyed_hash(text) -%}
    case
        when getvariable('rcm_phi_outer') is null then error('RCM_PHI_KEY is not known to this session')
        else sha256(
            cast(getvariable('rcm_phi_outer') as blob)
            || unhex(sha256(cast(getvariable('rcm_phi_inner') as blob) || encode({{ text }})))
        )
    end
{%- endmacro %}
