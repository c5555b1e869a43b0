"""The ledger over the days: append-only, and unchanged by what is posted later."""

import duckdb
import pytest

from tests.python.lakehouses import DAYS, SimulatedDays, Warehouse


@pytest.fixture(scope="module")
def days(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> list[Warehouse]:
    """The lakehouse after each day."""
    return [simulated_days.copy(day, tmp_path_factory.mktemp(f"day_{day}")) for day in DAYS]


def test_what_was_posted_is_never_changed_or_removed(days: list[Warehouse]) -> None:
    with duckdb.connect() as engine:
        for number, warehouse in enumerate(days):
            engine.execute(f"attach '{warehouse.lakehouse / 'warehouse.duckdb'}' as day_{number} (read_only)")
        for number in DAYS[1:]:
            events = [f"select * from day_{day}.gold.fct_ar_events" for day in (number - 1, number)]
            assert engine.execute(f"{events[0]} except all {events[1]}").fetchall() == []
            posted = engine.execute(f"select count(*) from ({events[1]} except all {events[0]})").fetchone()
            assert posted is not None
            assert posted[0] > 0, "a day without an event would prove nothing"


def test_events_of_the_last_day_hold_reversals(days: list[Warehouse]) -> None:
    """Corrections and voids of the simulation post both a reversal and, but for a void, a new event."""
    kinds = days[-1].query(
        """
        select
            count(*) filter (where event_type = 'REVERSAL' and ar_delta_amount < 0),
            count(*) filter (where event_type = 'REVERSAL' and ar_delta_amount > 0)
        from gold.fct_ar_events
        """
    )
    assert all(int(str(count)) > 0 for count in kinds[0])
