{#
    Warns of words that nobody has declared where they classify money that counts, and names each with its rows and
    dollars, the largest first: a reader needs no query to know what to declare.
#}
{% test words_are_declared(model) %}
{%- set counted -%}
select _source_table, column_name, unknown_word, sum(current_rows) as rows_now, sum(current_amount) as amount_now
from {{ model }}
where column_name in ('payer_group', 'to_payer_group', 'payment_source') and current_rows > 0
group by _source_table, column_name, unknown_word
{%- endset -%}
{%- if execute and flags.WHICH in ['build', 'test'] -%}
    {%- set lines = {} -%}
    {%- for table, column, word, rows, amount in run_query(counted ~ ' order by 5 desc, 4 desc, 3').rows -%}
        {%- do lines.setdefault(table ~ ': ' ~ column, []).append(
            (word if word.startswith('(') else "'" ~ word ~ "'") ~ ' in ' ~ rows ~ (' rows' if rows > 1 else ' row')
            ~ (', ' ~ '{:,.2f}'.format(amount) ~ ' USD' if amount is not none else '')
        ) -%}
    {%- endfor -%}
    {%- for place, words in lines.items() -%}
        {%- do exceptions.warn(
            place ~ ': unknown words: ' ~ words[:10] | join('; ') ~ ('; ...' if words | length > 10 else '')
            ~ '; add them to dialect.words of the source, or have them corrected'
        ) -%}
    {%- endfor -%}
{%- endif -%}
{{ counted }}
{% endtest %}
