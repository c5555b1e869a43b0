{% snapshot departments_history %}
{{ versions_to_record('departments') }}
{% endsnapshot %}
