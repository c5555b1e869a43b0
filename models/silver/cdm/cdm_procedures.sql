{{ current_records('procedures') }}
