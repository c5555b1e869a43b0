"""Gold with one rule changed: the compiled SQL of a model with a text replaced, and what follows from it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

# Models that the ledger is compared with; no others are made again.
COMPARED = (
    "fct_ar_events",
    "fct_ar_account_balances_monthly",
    "fct_ar_balances_monthly",
    "fct_ar_rollforward_monthly",
    "kpi_values",
)

# A changed rule: its model, what is found first there (a regular expression), and what stands there instead.
MUTATIONS: dict[str, tuple[str, str, str]] = {
    "a reversal adds what it should take back": (
        "fct_ar_events",
        r"0 - reversed\.ar_delta_amount",
        "reversed.ar_delta_amount",
    ),
    "a reversal is dated like what it reverses": (
        "fct_ar_events",
        r"(?s)true as is_correction,.*?as post_date,",
        "true as is_correction, reversed.business_date as post_date,",
    ),
    "a correction is posted on the day of the service": (
        "fct_ar_events",
        r"case\s+when has_posted_before and not is_further_payment",
        "case when false",
    ),
    "what is charged again after a void is no correction": (
        "fct_ar_events",
        r"between unbounded preceding and 1 preceding",
        "between 1 preceding and 1 preceding",
    ),
    "a further payment takes the one before back": (
        "fct_ar_events",
        r"current_legs\.business_date > previous\.business_date",
        "false",
    ),
    "another payer group posts nothing": ("fct_ar_events", r"current_legs\.context = previous\.context", "true"),
    "a patient's payment is the insurer's": ("fct_ar_events", r"then 'PAYMENT_PATIENT'", "then 'PAYMENT_INSURANCE'"),
    "a refund takes from what is owed": ("fct_ar_events", r"\('CHARGE', 'REFUND'\)", "('CHARGE')"),
    "a transfer does not arrive": (
        "fct_ar_events",
        r"in \('TRANSFER'\) then adjustment_amount",
        "in ('TRANSFER') then 0",
    ),
    "an amount is known only with the last change": (
        "fct_ar_events",
        r"when version_number = 1",
        "when version_number = 0",
    ),
    "day 90 is over 90 days": ("fct_ar_account_balances_monthly", r"age_days <= 90", "age_days < 90"),
    "a balance ages from the first service": (
        "fct_ar_account_balances_monthly",
        r"max\(anchor_date\)",
        "min(anchor_date)",
    ),
    "a charge that was taken back still ages": (
        "fct_ar_account_balances_monthly",
        r"where charge_amount <> 0",
        "where true",
    ),
    "what became known later was known": (
        "fct_ar_balance_changes",
        r"greatest\(post_date, known_date\)",
        "post_date",
    ),
    "the running month stands at its end": (
        "dim_ledger_month",
        r"least\(month_end_date, last_post_date\)",
        "month_end_date",
    ),
    "a month opens with what is known now": (
        "fct_ar_rollforward_monthly",
        r"lag\(closing_amount\)",
        "lag(restated_closing_amount)",
    ),
    "a closed month shows what is known now": (
        "fct_ar_rollforward_monthly",
        r"when posted\.is_closed then coalesce\(closes\.closing_amount, 0\)",
        "when false then 0",
    ),
    "a reopened close still counts": ("fct_ar_rollforward_monthly", r"where is_in_force", "where true"),
    "reversals are charges": ("fct_ar_rollforward_monthly", r"event_type in \('CHARGE'\)", "money_type in ('CHARGE')"),
    "a year has thirteen months": ("kpi_windows", r"cast\(-11 as bigint\)", "cast(-12 as bigint)"),
    "a cohort is mature after 90 days": ("kpi_windows", r"cast\(-119 as bigint\)", "cast(-89 as bigint)"),
    "revenue is that of four months": ("dim_ledger_month", r"cast\(-2 as bigint\)", "cast(-3 as bigint)"),
    "a refund is no cash": ("kpi_gross_collection", r"'PAYMENT_UNKNOWN', 'REFUND'", "'PAYMENT_UNKNOWN'"),
    "point of service ends on the sixth day": ("kpi_point_of_service", r"cast\(7 as bigint\)", "cast(6 as bigint)"),
    "a reversed charge still counts in the payer mix": ("kpi_payer_mix", r"money_type in", "event_type in"),
    "A/R over 90 days counts credits": ("kpi_ar_aging", r"sum\(debit_amount\)", "sum(balance_amount)"),
}


@dataclass(frozen=True)
class CompiledGold:
    """The models of gold as dbt compiled them.

    Args:
        target: dbt's target folder after a build.
        first: SQL of incremental models as their first build had it: all of their rows.
    """

    target: Path
    first: Mapping[str, str]

    @cached_property
    def _nodes(self) -> dict[str, dict[str, Any]]:
        return {node["name"]: node for node in self._manifest["nodes"].values() if node["resource_type"] == "model"}

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((self.target / "manifest.json").read_text())
        return manifest

    @cached_property
    def _parents(self) -> dict[str, set[str]]:
        """Models and the models they are made from."""
        names = {node["unique_id"]: name for name, node in self._nodes.items()}
        parents = self._manifest["parent_map"]
        return {name: {names[parent] for parent in parents[key] if parent in names} for key, name in names.items()}

    def sql(self, model: str) -> str:
        """The compiled SQL of a model."""
        if model in self.first:
            return self.first[model]
        return compiled(self.target, self._nodes[model]["original_file_path"])

    def plant(self, connection: duckdb.DuckDBPyConnection, mutation: str) -> None:
        """Change the rule, and make again what follows from it.

        Args:
            connection: The warehouse, in a transaction that the caller rolls back.
            mutation: Its name in MUTATIONS.
        """
        model, pattern, replacement = MUTATIONS[mutation]
        changed, count = re.subn(pattern, replacement, self.sql(model), count=1)
        assert count == 1, f"{model} has nothing like {pattern}: name the rule in its new words"
        for name in self._following(model):
            node = self._nodes[name]
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            relation = f'{node["schema"]}."{node["name"]}"'
            connection.execute(f"create or replace {kind} {relation} as {changed if name == model else self.sql(name)}")

    def _following(self, model: str) -> Iterator[str]:
        """The model and all that depends on it and is compared, in an order in which they can be made."""
        order = list(TopologicalSorter(self._parents).static_order())
        needed = set(COMPARED)
        for name in reversed(order):
            if name in needed:
                needed |= self._parents[name]
        affected = {model}
        for name in order:
            if name in needed and self._parents[name] & affected:
                affected.add(name)
        return (name for name in order if name in affected)


def compiled(target: Path, file: str) -> str:
    """What dbt compiled of a model's file."""
    return (target / "compiled" / "rcm" / file).read_text()
