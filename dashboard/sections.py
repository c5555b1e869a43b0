"""A section of a page: its question, how its numbers are counted, and its answer."""

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from dashboard.cards import contract_text
from dashboard.context import Context
from dashboard.queries import Query, query
from dashboard.states import needs, no_rows
from dashboard.tables import table


def section(
    context: Context, name: str, title: str, *, empty: str | None = None, **values: object
) -> pd.DataFrame | None:
    """Show a heading with what is behind its numbers and return the rows; without rows None, and why.

    A query whose contracts cannot be computed is not asked; the page says what they need.
    """
    asked = query(name)
    _heading(context, asked, title)
    contracts = [context.contracts.by_name[kpi] for kpi in asked.contracts]
    if contracts and not any(contract.is_computed for contract in contracts):
        needs(contracts)
        return None
    answer = context.rows(name, **values)
    if answer.empty:
        no_rows(context.filters.spoken, empty)
        return None
    return answer


def _heading(context: Context, asked: Query, title: str) -> None:
    """Show a heading, the question, and one click away how it is counted: the reading, the contracts and the SQL."""
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"heading-{asked.name}"):
        st.subheader(title, anchor=asked.name.replace("_", "-"), width="stretch")
        with st.popover("How it is counted", icon=":material/info:", type="tertiary"):
            st.markdown(f"**{asked.question}**\n\n{asked.reading}")
            for kpi in asked.contracts:
                st.markdown(contract_text(context.contracts.by_name[kpi]))
            with st.expander("The query"):
                st.code(asked.sql, language="sql", height=300)
    st.caption(asked.question)


def answered_by_table(
    context: Context, name: str, title: str, *, empty: str | None = None, **values: object
) -> pd.DataFrame | None:
    """A section that is only a table."""
    answer = section(context, name, title, empty=empty, **values)
    if answer is not None:
        show_table(context, name, answer)
    return answer


def show_table(
    context: Context,
    name: str,
    answer: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    on_select: Callable[[], None] | None = None,
) -> None:
    """The rows of a section as a table with exports."""
    table(answer, query(name), context.filters.spoken, labels=labels, on_select=on_select)
