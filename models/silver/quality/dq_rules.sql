-- The catalogue of rules as data: what each rule of each entity means and how severe it is by default.
{% if execute %}
{% for entity in entities() %}{% set outer = loop %}
{% for rule in all_rules(entity) + relations(entity) %}
select
    '{{ entity }}' as entity,
    '{{ rule.name }}' as rule_name,
    {{ 'true' if 'parent' in rule else 'false' }} as is_relation,
    '{{ rule.severity }}' as default_severity,
    '{{ dbt.escape_single_quotes(rule.description) }}' as rule_description
{% if not (loop.last and outer.last) %}union all{% endif %}
{% endfor %}
{% endfor %}
{% endif %}
