{# Contracts of the KPIs a model holds, declared once in its YAML. #}
{% macro kpi_contracts(model_name) %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ model_name].config.meta.kpis) }}
{% endmacro %}
