{% snapshot claims_history %}
{{ versions_to_record('claims') }}
{% endsnapshot %}
