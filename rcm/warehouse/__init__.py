"""The warehouse: building it with dbt, reading it, and comparing it between engines."""
