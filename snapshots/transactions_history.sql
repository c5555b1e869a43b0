{% snapshot transactions_history %}
{{ versions_to_record('transactions') }}
{% endsnapshot %}
