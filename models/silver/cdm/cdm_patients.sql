{{ current_records('patients') }}
