"""A ledger that shares nothing with the SQL: plain Python from the text of the contracts, over rows of bronze.

``differences`` is the one way in: it recomputes current records and their versions, ledger events, balances on each
basis, aging, the roll-forward with its closes, and the KPIs that follow from the ledger, and compares them with gold.
"""

from tests.python.independent_ledger.compared import Difference, differences

__all__ = ["Difference", "differences"]
