"""The border check: each batch is judged by its contract before it is committed."""

from ingestion.bronze.border.check import check_batch
from ingestion.bronze.border.result import BorderFailure, BorderResult

__all__ = ["BorderFailure", "BorderResult", "check_batch"]
