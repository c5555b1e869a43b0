"""The control table: what models/bronze/*.yml declares, validated, and the types and watermarks it names."""
