{% snapshot npi_history %}
{{ versions_to_record('npi') }}
{% endsnapshot %}
