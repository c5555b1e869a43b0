"""The national provider registry: lookups by NPI, and its monthly dissemination file."""
