{% snapshot providers_history %}
{{ versions_to_record('providers') }}
{% endsnapshot %}
