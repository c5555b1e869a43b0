"""KPIs as their contracts in gold say; their values are rows of gold.kpi_values."""

from collections.abc import Iterable, Mapping
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
    model_name: str | None
    kpi_window: str | None
    headline_order: int | None
    split_by: str | None
    feed: str | None
    is_by_payer_group: bool
    is_additive: bool
    is_computed: bool

    @property
    def is_proxy(self) -> bool:
        """True where it is the nearest thing the sources allow."""
        return self.computability == "proxy"


@dataclass(frozen=True)
class Contracts:
    """Every contract by name, and the columns of the KPI tables by table."""

    by_name: Mapping[str, Contract]
    columns: Mapping[str, frozenset[str]]

    def headline(self, subject: str) -> list[Contract]:
        """Contracts of a subject that have a place on the headline page."""
        return [
            contract
            for contract in self.by_name.values()
            if contract.subject == subject and contract.headline_order is not None
        ]

    def follows_payer_group(self, contract: Contract) -> bool:
        """True where the KPI is kept by payer group."""
        return contract.is_by_payer_group

    def measures(self, names: Iterable[str]) -> str:
        """SQL that gives, for each KPI, its value over its window (month NULL) and in each month by itself.

        Columns: kpi_name, split, month_key, numerator, denominator, kpi_value.
        """
        return _MEASURES.replace("{names}", ", ".join(f"'{name}'" for name in names))


_MEASURES = """with chosen as (
    select
        kpi_values.*,
        contracts.kpi_window as own_window
    from gold.kpi_values as kpi_values
    inner join gold.kpi_contracts as contracts on kpi_values.kpi_name = contracts.kpi_name
    where
        kpi_values.kpi_name in ({names})
        and kpi_values.hospital_name = case when :hospital = 'all' then 'All hospitals' else :hospital end
        and kpi_values.payer_group = case
            when contracts.is_by_payer_group and :payer_group <> 'all' then :payer_group else 'All payer groups'
        end
)

select
    kpi_name,
    split,
    cast(null as bigint) as month_key,
    numerator,
    denominator,
    cast(kpi_value as double) as kpi_value
from chosen
where kpi_window = own_window and month_key = :month
union all
select kpi_name, split, month_key, numerator, denominator, cast(kpi_value as double) as kpi_value
from chosen
where kpi_window = 'month' and counts_from_month_key <= :month
order by kpi_name, split, month_key"""
