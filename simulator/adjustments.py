"""The adjustments table: what a hospital posts on a charge line beside the charge and its payments."""

from __future__ import annotations

import pyarrow as pa

_TEXTS = (
    "AdjustmentID",
    "TransactionID",
    "EncounterID",
    "PatientID",
    "ProviderID",
    "DeptID",
    "ClaimID",
    "PayorID",
    "LineOfBusiness",
    "ToLineOfBusiness",
    "AdjustmentType",
    "GroupCode",
    "ReasonCode",
    "ServiceDate",
    "PostDate",
)
ADJUSTMENT_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("Amount", pa.float64()),
        ("InsertDate", pa.string()),
        ("ModifiedDate", pa.string()),
    ]
)


def no_adjustments() -> pa.Table:
    """The table of a hospital without the feed: it is there, and empty."""
    return ADJUSTMENT_SCHEMA.empty_table()
