"""What every page is given."""

from dataclasses import dataclass

import pandas as pd

from dashboard import answers
from dashboard.contracts import Contracts
from dashboard.filters import Filters


@dataclass(frozen=True)
class Context:
    """The page, the reader's choice and the KPI contracts."""

    page: str
    filters: Filters
    contracts: Contracts

    def rows(self, name: str, **values: object) -> pd.DataFrame:
        """Answer of a query under the reader's choice; what a page adds to the choice comes by name."""
        return answers.rows(name, {**self.filters.values, **values})
