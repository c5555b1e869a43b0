{{ current_records('departments') }}
