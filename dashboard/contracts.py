"""KPIs as their contracts in gold say: one query for the cards of a page, ratios as sums over sums in the engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.queries import with_shared

# The month by which a KPI table's rows fall into a period, and up to where it counts as of the chosen month.
_PERIODS = {
    "month_key": "kpi.month_key <= as_of.month_key",
    "claim_month_key": "kpi.claim_month_key <= as_of.month_key",
    "decision_month_key": "kpi.decision_month_key <= as_of.month_key",
    "service_month_key": "kpi.service_month_start_date <= as_of.mature_cohorts_end_date",
}
# A point of the collection curve counts once its own month is over.
_CURVE = """year(kpi.service_month_start_date) * 12 + month(kpi.service_month_start_date)
    + kpi.months_since_service <= as_of.month_index"""


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
    headline_period: str | None
    split_by: str | None
    feed: str | None
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
        """Contracts of a subject that have a headline period."""
        return [
            contract
            for contract in self.by_name.values()
            if contract.subject == subject and contract.headline_period is not None
        ]

    def follows_payer_group(self, contract: Contract) -> bool:
        """True where the KPI is kept by payer group."""
        return "payer_group" in self._columns(contract)

    def measures(self, names: Iterable[str]) -> str:
        """SQL that gives, for each KPI, its headline (month NULL) and its value in each month.

        Columns: kpi_name, split, month_key, numerator, denominator, kpi_value. A KPI without a headline period of its
        own takes that of its table, or twelve months.
        """
        parts = "\n\n    union all\n\n".join(self._measure(self.by_name[name]) for name in names)
        return with_shared(_MEASURES.replace("{parts}", parts), "hospitals", "as_of")

    def _measure(self, contract: Contract) -> str:
        columns = self._columns(contract)
        month = next(name for name in _PERIODS if name in columns)
        bound = _CURVE if "months_since_service" in columns else _PERIODS[month]
        payer = "\n        and (:payer_group = 'all' or kpi.payer_group = :payer_group)"
        return f"""    select
        '{contract.kpi_name}' as kpi_name,
        '{contract.unit}' as unit,
        {contract.split_by or "cast(null as string)"} as split,
        kpi.{month} as month_key,
        {self._period(contract)} as is_headline,
        {contract.numerator} as numerator,
        {contract.denominator or "cast(null as decimal(18, 2))"} as denominator
    from gold.{contract.model_name} as kpi
    inner join as_of on kpi.hospital_key = as_of.hospital_key
    where
        {bound}{payer if "payer_group" in columns else ""}"""

    def _period(self, contract: Contract) -> str:
        of_table = (each for each in self.by_name.values() if each.model_name == contract.model_name)
        said = (each.headline_period for each in (contract, *of_table))
        month = next(name for name in _PERIODS if name in self._columns(contract))
        twelve_months = f"kpi.{month.removesuffix('_key')}_start_date >= as_of.twelve_months_start_date"
        return next((period for period in said if period), twelve_months)

    def _columns(self, contract: Contract) -> frozenset[str]:
        return self.columns.get(contract.model_name or "", frozenset())


_MEASURES = """with

measures as (
{parts}
),

summed as (
    select
        kpi_name,
        unit,
        split,
        cast(null as bigint) as month_key,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from measures
    where is_headline
    group by kpi_name, unit, split

    union all

    select
        kpi_name,
        unit,
        split,
        month_key,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from measures
    group by kpi_name, unit, split, month_key
)

select
    kpi_name,
    split,
    month_key,
    numerator,
    denominator,
    case
        when unit = '$' then cast(numerator as double)
        when unit = '%' then cast(numerator as double) * 100 / nullif(denominator, 0)
        else cast(numerator as double) / nullif(denominator, 0)
    end as kpi_value
from summed
order by kpi_name, split, month_key"""
