{{ current_records('diagnoses') }}
