"""KPI cards: the value with its history, target and peers, and its contract one click away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard.context import Context
from dashboard.contracts import Contract
from dashboard.filters import ALL_PAYER_GROUPS, month_name
from dashboard.states import needs

_MONTHS_SHOWN = 13


@dataclass(frozen=True)
class Measure:
    """A KPI's value under the reader's choice.

    Args:
        value: In the contract's unit; None where it is not known.
        numerator: Sum over the contract's window, in its own unit.
        denominator: The same; None where the KPI has none.
        history: Value by month, for the sparkline.
        unknown_reason: Why there is no value; None where there is one.
        members: Whose value it is, each hospital with its day; None where there is none.
        left_out: Which hospitals do not count in it, and why; None where all do.
    """

    contract: Contract
    value: float | None
    numerator: float | None
    denominator: float | None
    history: pd.Series
    unknown_reason: str | None
    members: str | None
    left_out: str | None


def kpi_cards(context: Context, contracts: Sequence[Contract]) -> None:
    """Show a card for each KPI; those that wait for a feed say for which."""
    computed = [contract for contract in contracts if contract.is_computed and not contract.split_by]
    if computed:
        with st.container(key=f"cards-{computed[0].kpi_name}"):
            for measure in _measures(context, computed):
                _card(context, measure)
    needs([contract for contract in contracts if not contract.is_computed])


def cards_of_page(context: Context) -> None:
    """Show the cards of the KPIs whose contracts name the page."""
    kpi_cards(context, context.contracts.of_page(context.page))


def _measures(context: Context, contracts: Sequence[Contract]) -> list[Measure]:
    found = context.rows("kpi_cards")
    measures = []
    for contract in contracts:
        own = found[found["kpi_name"] == contract.kpi_name]
        headline = own[own["is_headline"]]
        history = own[own["is_month"]].set_index("month_key")["kpi_value"].dropna()
        value, numerator, denominator = (
            _number(headline[column]) for column in ("kpi_value", "numerator", "denominator")
        )
        said = [_text(headline[column]) for column in ("unknown_reason", "members", "left_out")]
        measures.append(Measure(contract, value, numerator, denominator, history.tail(_MONTHS_SHOWN), *said))
    return measures


def _number(values: pd.Series) -> float | None:
    return None if values.empty or pd.isna(values.iloc[0]) else float(values.iloc[0])


def _text(values: pd.Series) -> str | None:
    return None if values.empty or pd.isna(values.iloc[0]) else str(values.iloc[0])


def _card(context: Context, measure: Measure) -> None:
    contract = measure.contract
    with st.container(border=True, height="stretch", key=f"kpi-{contract.kpi_name}"):
        st.metric(
            contract.kpi_label,
            shown(measure.value, contract.unit),
            chart_data=[float(value) for value in measure.history] if len(measure.history) > 1 else None,
            chart_type="area",
        )
        if measure.value is None and measure.unknown_reason:
            st.caption(_escaped(measure.unknown_reason))
        if measure.value is not None and measure.left_out:
            st.caption(f"Left out: {_escaped(measure.left_out)}")
        for line in _references(measure):
            st.caption(line)
        if context.filters.payer_group != ALL_PAYER_GROUPS and not contract.is_by_payer_group:
            st.caption("of all payer groups")
        with st.popover("Contract", icon=":material/info:", type="tertiary"):
            st.markdown(contract_text(contract))
            st.markdown(_parts(context, measure))


def _references(measure: Measure) -> list[str]:
    contract = measure.contract
    lines = []
    if contract.target:
        verdict = meets(contract.target, measure.value)
        badge = {True: " :green-badge[met]", False: " :orange-badge[not met]", None: ""}[verdict]
        lines.append(f"Target {_escaped(contract.target)}{badge}")
    if contract.benchmark:
        lines.append(f"Peers: {contract.benchmark}")
    return lines


def _parts(context: Context, measure: Measure) -> str:
    """Numerator and denominator of the value, and the month as of which it stands."""
    lines = [f"As of {month_name(context.filters.month)}, {context.filters.spoken.split(' · ')[0]}:"]
    if measure.members:
        lines.append(f"- of {measure.members}")
    if measure.left_out:
        lines.append(f"- left out: {measure.left_out}")
    if measure.numerator is not None:
        lines.append(f"- numerator {measure.numerator:,.2f}")
    if measure.denominator is not None:
        lines.append(f"- denominator {measure.denominator:,.2f}")
    months = len(measure.history)
    lines.append(f"- sparkline: the KPI of each of the last {months} months by itself")
    return "\n".join(lines)


def contract_text(contract: Contract) -> str:
    """A contract in Markdown."""
    said = [
        ("Formula", contract.formula),
        ("Numerator", contract.numerator and f"`{contract.numerator}`"),
        ("Denominator", contract.denominator and f"`{contract.denominator}`"),
        ("Date basis", contract.date_basis),
        ("Excluded", contract.exclusions),
        ("Computed", "proxy: the nearest thing the sources allow" if contract.is_proxy else contract.computability),
        ("Needs", contract.needs),
        ("Target", contract.target and _escaped(contract.target)),
        ("Peers", contract.benchmark),
        ("HFMA MAP Key", contract.map_key),
        ("Differs from it", contract.map_difference),
        ("Rolls up", None if contract.is_additive else "no: it holds for its row only"),
        ("Model", contract.model_name and f"`gold.{contract.model_name}`"),
    ]
    lines = [f"- **{word}**: {text}" for word, text in said if text]
    return f"##### {contract.kpi_label}\n" + "\n".join(lines)


def shown(value: float | None, unit: str) -> str:
    """A value with its unit, as `rcm status` shows it; dollars above ten million in millions."""
    if value is None:
        return "-"
    if unit == "$":
        size = f"${abs(value) / 1e6:,.1f}M" if abs(value) >= 1e7 else f"${abs(value):,.0f}"
        return f"{'-' if value < 0 else ''}{size}"
    return f"{value:,.1f}{'%' if unit == '%' else ' ' + unit}"


def meets(target: str, value: float | None) -> bool | None:
    """Whether a value keeps a target such as ``<= 45`` or ``5-7``; None where that cannot be said."""
    if value is None:
        return None
    if bound := re.fullmatch(r"(<=|>=|<|>)\s*([\d.]+)", target):
        limit = float(bound[2])
        return {"<=": value <= limit, ">=": value >= limit, "<": value < limit, ">": value > limit}[bound[1]]
    if between := re.fullmatch(r"([\d.]+)-([\d.]+)", target):
        # Below such a range is better still: all of them are days of waiting.
        return value <= float(between[2])
    return None


def _escaped(text: str) -> str:
    return re.sub(r"([<>$])", r"\\\1", text)
