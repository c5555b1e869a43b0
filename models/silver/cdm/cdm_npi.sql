{{ current_records('npi') }}
