{{ current_records('claims') }}
