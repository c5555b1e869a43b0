"""One package per kind of source; each yields Arrow batches in a table's declared columns."""
