"""KPI contracts: rows of gold.kpi_contracts, which say what a KPI means and where it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Contract:
    """What one KPI means, a row of gold.kpi_contracts; texts are None where there is nothing to say."""

    kpi_name: str
    kpi_label: str
    subject: str
    formula: str
    numerator: str | None
    denominator: str | None
    date_basis: str
    exclusions: str
    computability: str
    needs: str | None
    unit: str
    target: str | None
    benchmark: str | None
    map_key: str | None
    map_difference: str | None
    if_empty: str | None
    model_name: str | None
    kpi_window: str | None
    headline_order: float | None
    page: str | None
    split_by: str | None
    feed: str | None
    is_by_payer_group: bool
    is_additive: bool
    is_share_of_whole: bool
    is_computed: bool

    @property
    def is_proxy(self) -> bool:
        """True if it is the nearest thing the sources allow."""
        return self.computability == "proxy"


@dataclass(frozen=True)
class Contracts:
    """Every contract by name."""

    by_name: Mapping[str, Contract]

    def headline(self) -> dict[str, list[Contract]]:
        """Contracts of the headline page by subject, in its order."""
        found: dict[str, list[Contract]] = {}
        for contract in sorted(self.by_name.values(), key=lambda each: each.headline_order or 0):
            if contract.headline_order is not None:
                found.setdefault(contract.subject, []).append(contract)
        return found

    def of_page(self, page: str) -> list[Contract]:
        """Contracts that name a page as the one that shows them."""
        return [contract for contract in self.by_name.values() if contract.page == page]
