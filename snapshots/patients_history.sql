{% snapshot patients_history %}
{{ versions_to_record('patients') }}
{% endsnapshot %}
