{% snapshot procedures_history %}
{{ versions_to_record('procedures') }}
{% endsnapshot %}
