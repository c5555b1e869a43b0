"""Data Docs: the committed batches validated by Great Expectations, as pages; needs the extra ``quality``."""
