"""Extract hospital systems into append-only bronze Delta tables, driven by models/bronze/*.yml."""
