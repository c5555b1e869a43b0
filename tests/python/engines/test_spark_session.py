"""A local Spark session takes its heap from what the machine has."""

import pytest

from rcm.warehouse.spark_session import driver_memory

GIB = 2**30


@pytest.mark.parametrize(
    ("machine", "heap"),
    [(GIB, "2048m"), (4 * GIB, "2048m"), (16 * GIB, "4096m"), (24 * GIB, "6144m"), (256 * GIB, "8192m")],
)
def test_the_heap_is_a_quarter_of_the_memory_within_limits(machine: int, heap: str) -> None:
    assert driver_memory(machine) == heap
