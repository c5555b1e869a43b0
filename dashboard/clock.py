"""The time of reading, to the hour, so that answers can be kept."""

from datetime import UTC, datetime


def now() -> str:
    """This hour in UTC, without zone as silver has it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:00:00")
