"""Moments are UTC without a zone; they become days by the clocks of the hospital."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Clock:
    """The clocks of a hospital.

    Args:
        zone: Its time zone, as in ``America/New_York``.
    """

    zone: str = "UTC"

    def day(self, moment: datetime) -> date:
        """The hospital's day of a moment in UTC."""
        return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone)).date()

    def start(self, day: date) -> datetime:
        """The moment in UTC at which a day begins at the hospital."""
        return self.utc(datetime.combine(day, time()))

    def utc(self, shown: datetime) -> datetime:
        """What the hospital's clocks show, as a moment in UTC."""
        return shown.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC).replace(tzinfo=None)
