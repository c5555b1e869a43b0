"""Each batch against its contract before it is committed: Great Expectations, generated from the control table."""

from ingestion.bronze.border.check import BorderCheck
from ingestion.bronze.border.result import BorderFailure, BorderResult

__all__ = ["BorderCheck", "BorderFailure", "BorderResult"]
