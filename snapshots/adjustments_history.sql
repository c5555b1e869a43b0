{% snapshot adjustments_history %}
{{ versions_to_record('adjustments') }}
{% endsnapshot %}
