"""Watermarks as the text that sources keep them in."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from ingestion.declared.clocks import clock_before


@dataclass(frozen=True)
class Window:
    """What a load of a watermarked table reads.

    Args:
        load_type: ``full`` reads every row; ``incremental`` from the last watermark, less the lag, to the newest;
            ``backfill`` the range that was asked for and nothing else.
        low: Watermark of the last committed batch, before the lag; of a backfill its first value. As text.
        high: Last value of a backfill; None if it has no end.
    """

    load_type: Literal["full", "incremental", "backfill"]
    low: str | None = None
    high: str | None = None


def lower_bound(watermark: str, data_type: str, lag: timedelta, zone: str = "UTC") -> str | int:
    """The least value that a load after this watermark reads: the watermark itself, less the lag.

    Of a clock without a zone, the zone it shows says more: in the night in which clocks go back, rows that are written
    later show times from before the watermark, and in the other one the lag reaches further back by the skipped hour.

    Sources write one moment in several ways: 2024-12-31, 2024-12-31 00:00:00, 2024-12-31T00:00:00.000. The bound is
    the shortest of them, which sorts before all others, so that a comparison of texts leaves none out.

    Raises:
        ValueError: The watermark is no value of its type.
    """
    if data_type == "bigint":
        return int(watermark)
    if data_type == "date":
        # A part of a day counts as a complete day, because a date has no hours.
        day = date.fromisoformat(watermark[:10])
        return (day - min(timedelta(days=-(-lag // timedelta(days=1))), day - date.min)).isoformat()
    moment = datetime.fromisoformat(watermark)
    if zone != "UTC" and moment.tzinfo is None:
        return shortest_text(clock_before(moment, lag, zone))
    # Sources that use the earliest possible day for unknown dates have no day before it.
    return shortest_text(moment - min(lag, moment - datetime.min.replace(tzinfo=moment.tzinfo)))


def shortest_text(moment: datetime) -> str:
    """ISO 8601 without trailing zeros: 2024-12-31, 2024-12-31 08:30, 2024-12-31 08:30:15.25."""
    text = moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds").rstrip("0").removesuffix(".")
    for zeros in (":00", " 00:00"):
        text = text.removesuffix(zeros)
    return text
