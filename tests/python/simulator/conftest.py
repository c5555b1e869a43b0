from __future__ import annotations

from pathlib import Path

import pytest

from simulator import simulate

# Small enough to be fast, large enough for several defects per rule.
PATIENTS = 600


@pytest.fixture(scope="session")
def day_zero(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lakehouse whose sources stand at day 0; read only."""
    lakehouse = tmp_path_factory.mktemp("day_zero")
    simulate(lakehouse, patients=PATIENTS, seed=7)
    return lakehouse
