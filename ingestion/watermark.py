"""Watermarks as the text that sources keep them in."""

from datetime import date, datetime, timedelta


def lower_bound(watermark: str, data_type: str, lag: timedelta) -> str | int:
    """The least value that a load after this watermark reads: the watermark itself, less the lag.

    Sources write one moment in several ways: 2024-12-31, 2024-12-31 00:00:00, 2024-12-31T00:00:00.000. The bound is
    the shortest of them, which sorts before all others, so that a comparison of texts leaves none out.

    Raises:
        ValueError: The watermark is no value of its type.
    """
    if data_type == "bigint":
        return int(watermark)
    if data_type == "date":
        return (date.fromisoformat(watermark[:10]) - lag).isoformat()
    return shortest_text(datetime.fromisoformat(watermark) - lag)


def shortest_text(moment: datetime) -> str:
    """ISO 8601 without trailing zeros: 2024-12-31, 2024-12-31 08:30, 2024-12-31 08:30:15.25."""
    text = moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds").rstrip("0").removesuffix(".")
    for zeros in (":00", " 00:00"):
        text = text.removesuffix(zeros)
    return text
