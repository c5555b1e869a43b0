"""Clocks without a zone as moments in UTC, by the rules that macros/cross_db/clocks.sql has for text.

A time that clocks show twice, when they go back, is the beginning of the repeated hour: nothing says which of the two
is meant, and within that hour order of arrival decides. A time that they skip is as long after the gap as it is after
the gap's beginning: 02:30 is 03:30.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOMENT = pa.timestamp("us")
# Between the last moment before a gap and the first after it, in microseconds.
_GAP = 1


def local_day(moment: datetime, zone: str) -> date:
    """The day of a moment with a zone by the clocks of another one."""
    return moment.astimezone(ZoneInfo(zone)).date()


def local_clock(moment: datetime, zone: str) -> datetime:
    """What the clocks of a zone show at a moment in UTC; both without a zone."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def clock_before(clock: datetime, lag: timedelta, zone: str) -> datetime:
    """The least time that clocks can show for a row that was written no more than a lag before one of this time.

    In the repeated hour a later row may show an earlier time, by as much as the clocks went back.
    """
    plain = clock - min(lag, clock - datetime.min.replace(tzinfo=clock.tzinfo))
    try:
        moment = clock.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - lag
        shown = moment.astimezone(ZoneInfo(zone)).replace(fold=0)
        offsets = [shown.replace(fold=fold).utcoffset() or timedelta(0) for fold in (0, 1)]
        return min(plain, shown.replace(tzinfo=None) - max(offsets[0] - offsets[1], timedelta(0)))
    except OverflowError:
        # Sources that use the earliest possible day for unknown dates have no day before it.
        return plain


def utc_of_clocks(clocks: pa.Array, zone: str) -> pa.Array:
    """Times that clocks of a zone show as moments in UTC; both timestamps without a zone, in microseconds."""
    first, last = (_moments(clocks, zone, which) for which in ("earliest", "latest"))
    if first.equals(last):
        return first
    before_gap = pc.local_timestamp(pc.assume_timezone(clocks, zone, ambiguous="earliest", nonexistent="earliest"))
    shown, earliest, latest, edge = (_numbers(values) for values in (clocks, first, last, before_gap))
    apart = latest - earliest
    skipped = latest + shown - edge - _GAP
    begun = earliest - shown % np.where(apart > _GAP, apart, 1)
    moments = np.where(apart > _GAP, begun, np.where(apart == _GAP, skipped, earliest))
    return pc.cast(pa.array(moments, pa.int64(), mask=pc.is_null(clocks).to_numpy(zero_copy_only=False)), MOMENT)


def days_of_moments(moments: pa.Array, zone: str) -> pa.Array:
    """Days of moments in UTC by the clocks of a zone, as dates."""
    local = pc.local_timestamp(pc.cast(pc.assume_timezone(pc.cast(moments, MOMENT), "UTC"), pa.timestamp("us", zone)))
    return pc.cast(pc.floor_temporal(local, unit="day"), pa.date32())


def _moments(clocks: pa.Array, zone: str, which: str) -> pa.Array:
    zoned = pc.assume_timezone(clocks, zone, ambiguous=which, nonexistent=which)
    return pc.cast(pc.cast(zoned, pa.timestamp("us", "UTC")), MOMENT)


def _numbers(values: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    filled: np.ndarray[tuple[int], np.dtype[np.int64]] = pc.fill_null(pc.cast(values, pa.int64()), 0).to_numpy()
    return filled
