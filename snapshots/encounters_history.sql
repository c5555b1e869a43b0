{% snapshot encounters_history %}
{{ versions_to_record('encounters') }}
{% endsnapshot %}
