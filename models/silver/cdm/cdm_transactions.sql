{{ current_records('transactions') }}
