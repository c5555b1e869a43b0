{{ current_records('encounters') }}
