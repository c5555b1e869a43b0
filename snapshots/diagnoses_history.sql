{% snapshot diagnoses_history %}
{{ versions_to_record('diagnoses') }}
{% endsnapshot %}
