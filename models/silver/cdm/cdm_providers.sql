{{ current_records('providers') }}
