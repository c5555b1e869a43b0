"""Charts in colours that are legible on a light and on a dark background."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

# From new to old; distinguishable on both backgrounds and without red-green vision.
_AGE_COLORS = ["#3b8ea5", "#7fb7a3", "#e3c567", "#e39a4a", "#d0663f", "#a83a56"]
_DOLLARS = "$~s"
_HEIGHT = 300
_SLANTED = alt.Axis(labelAngle=-40, labelLimit=130, labelOverlap=False)


def aging_bars(frame: pd.DataFrame, ages: Sequence[str], slice_column: str, amount: str, alt_text: str) -> None:
    """Amounts by slice, stacked by age from the first bucket to the last."""
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(f"sum({amount}):Q", title=None, axis=alt.Axis(format=_DOLLARS)),
            y=alt.Y(f"{slice_column}:N", title=None, sort="-x"),
            color=alt.Color(
                "aging_bucket:N",
                title="Days",
                scale=alt.Scale(domain=list(ages), range=_AGE_COLORS),
                legend=alt.Legend(orient="bottom", columns=3),
            ),
            order=alt.Order("age_order:Q"),
            tooltip=[f"{slice_column}:N", "aging_bucket:N", alt.Tooltip(f"sum({amount}):Q", format="$,.2f")],
        )
        .transform_calculate(age_order=f"indexof({list(ages)}, datum.aging_bucket)")
    )
    _show(chart, alt_text)


def months(
    frame: pd.DataFrame,
    values: Sequence[str],
    labels: Sequence[str],
    alt_text: str,
    *,
    unit: str = "$",
    month: str = "month_start_date",
) -> None:
    """Lines by month, one per column."""
    long = frame.melt(id_vars=[month], value_vars=list(values)).replace(
        {"variable": dict(zip(values, labels, strict=True))}
    )
    lines_by(long, month, "value", "variable", alt_text, unit=unit)


def lines_by(
    frame: pd.DataFrame, x: str, y: str, color: str, alt_text: str, *, unit: str = "$", is_month: bool = True
) -> None:
    """Lines over months, or over numbers, one per value of a column."""
    axis = alt.Axis(format=_DOLLARS) if unit == "$" else alt.Axis(format=".0f", labelExpr="datum.label + '%'")
    across = (
        alt.X(f"{x}:T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True))
        if is_month
        else alt.X(f"{x}:Q", title="months since the service month", axis=alt.Axis(tickMinStep=1))
    )
    chart = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            x=across,
            y=alt.Y(f"{y}:Q", title=None, axis=axis),
            color=alt.Color(f"{color}:N", title=None, legend=alt.Legend(orient="bottom")),
            tooltip=[f"{x}:{'T' if is_month else 'Q'}", f"{color}:N", alt.Tooltip(f"{y}:Q", format=",.2f")],
        )
    )
    _show(chart, alt_text)


def curves(frame: pd.DataFrame, alt_text: str) -> None:
    """A cohort's collections by months since, the newest cohorts strongest."""
    chart = (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=25))
        .encode(
            x=alt.X("months_since_service:Q", title="months since the service month", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("collected_pct:Q", title=None, axis=alt.Axis(labelExpr="datum.label + '%'")),
            color=alt.Color(
                "yearmonth(service_month_start_date):O",
                title=None,
                scale=alt.Scale(scheme="viridis"),
                legend=alt.Legend(orient="bottom", columns=6, format="%b %y"),
            ),
            tooltip=[
                alt.Tooltip("yearmonth(service_month_start_date):T", title="service month"),
                alt.Tooltip("months_since_service:Q", title="months since"),
                alt.Tooltip("collected_pct:Q", title="collected %", format=".1f"),
            ],
        )
    )
    _show(chart, alt_text, height=340)


def stacked_months(frame: pd.DataFrame, y: str, color: str, alt_text: str, *, unit: str = "$") -> None:
    """Bars by month, stacked by a column."""
    axis = alt.Axis(format=_DOLLARS) if unit == "$" else alt.Axis(labelExpr="datum.label + '%'")
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("yearmonth(month_start_date):O", title=None, axis=alt.Axis(format="%b %y", labelAngle=-45)),
            y=alt.Y(f"sum({y}):Q", title=None, axis=axis),
            color=alt.Color(f"{color}:N", title=None, legend=alt.Legend(orient="bottom")),
            tooltip=["yearmonth(month_start_date):T", f"{color}:N", alt.Tooltip(f"sum({y}):Q", format=",.2f")],
        )
    )
    _show(chart, alt_text)


def bars(
    frame: pd.DataFrame, name: str, value: str, alt_text: str, *, color: str | None = None, unit: str = "$"
) -> None:
    """Horizontal bars, the longest first."""
    axis = alt.Axis(format=_DOLLARS) if unit == "$" else alt.Axis(format="~s", tickMinStep=1)
    encoding = {
        "x": alt.X(f"sum({value}):Q", title=None, axis=axis),
        "y": alt.Y(f"{name}:N", title=None, sort="-x", axis=alt.Axis(labelLimit=150)),
        "tooltip": [f"{name}:N", alt.Tooltip(f"sum({value}):Q", format=",.2f")],
    }
    if color:
        encoding["color"] = alt.Color(f"{color}:N", title=None, legend=alt.Legend(orient="bottom"))
    _show(alt.Chart(frame).mark_bar().encode(**encoding), alt_text, height=max(150, 26 * frame[name].nunique() + 70))


def pareto(frame: pd.DataFrame, value: str, alt_text: str, *, unit: str) -> None:
    """Bars from the largest down, with the cumulative share of their dollars as a line."""
    order = frame["slice_name"].tolist()
    across = alt.X("slice_name:N", title=None, sort=order, axis=_SLANTED)
    axis = alt.Axis(format=_DOLLARS if unit == "$" else "~s")
    base = alt.Chart(frame)
    columns = base.mark_bar().encode(
        x=across,
        y=alt.Y(f"{value}:Q", title=None, axis=axis),
        tooltip=[
            "slice_name:N",
            alt.Tooltip(f"{value}:Q", format=",.2f"),
            alt.Tooltip("cumulative_pct:Q", format=".1f"),
        ],
    )
    line = base.mark_line(point=True, color="#d9822b").encode(
        x=across,
        y=alt.Y(
            "cumulative_pct:Q",
            title="cumulative share of dollars",
            scale=alt.Scale(domain=[0, 100]),
            axis=alt.Axis(labelExpr="datum.label + '%'", grid=False, titleColor="#d9822b"),
        ),
    )
    _show(alt.layer(columns, line).resolve_scale(y="independent"), alt_text, height=340)


def waterfall(steps: Sequence[tuple[str, float, bool]], alt_text: str) -> None:
    """From a first total through signed steps to a last one.

    Args:
        steps: Name, signed amount, and whether it is a total, which stands on the ground.
        alt_text: What it shows, for those who do not see it.
    """
    drawn, level = [], 0.0
    for name, amount, is_total in steps:
        low, high = (0.0, amount) if is_total else (level, level + amount)
        level = high
        kind = "A/R" if is_total else "raises A/R" if amount >= 0 else "lowers A/R"
        drawn.append({"step": name, "from": low, "to": high, "amount": amount, "kind": kind})
    frame = pd.DataFrame(drawn)
    order = frame["step"].tolist()
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("step:N", title=None, sort=order, axis=_SLANTED),
            y=alt.Y("from:Q", title=None, axis=alt.Axis(format=_DOLLARS)),
            y2="to:Q",
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=["A/R", "raises A/R", "lowers A/R"], range=["#5c7cba", "#d9822b", "#3b9e8f"]),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[
                "step:N",
                alt.Tooltip("amount:Q", format="$,.2f"),
                alt.Tooltip("to:Q", title="A/R", format="$,.2f"),
            ],
        )
    )
    _show(chart, alt_text, height=360)


def _show(chart: alt.Chart | alt.LayerChart, alt_text: str, height: int = _HEIGHT) -> None:
    st.altair_chart(chart.properties(height=height), alt=alt_text)
