"""Bronze: append-only Delta tables of the rows as received; loads are idempotent, and rows are deduplicated."""

from ingestion.bronze.batch import BATCH_TIME, Appended, Batch, Checks, Draft, Inspection, batch_of_file
from ingestion.bronze.table import BronzeTable

__all__ = ["BATCH_TIME", "Appended", "Batch", "BronzeTable", "Checks", "Draft", "Inspection", "batch_of_file"]
