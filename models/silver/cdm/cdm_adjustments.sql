{{ current_records('adjustments') }}
