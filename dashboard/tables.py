"""Tables with their exports; a column's name says how it is written, see CONTRIBUTING.md."""

import io
import re
from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard.queries import Query

_WORDS = {"npi": "NPI", "ar": "A/R", "kpi": "KPI", "p90": "90th percentile", "id": "ID"}
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_MOST_ROWS = 12


def table(
    answer: pd.DataFrame,
    asked: Query,
    spoken: str,
    *,
    labels: Mapping[str, str] | None = None,
    on_select: Callable[[], None] | None = None,
) -> None:
    """Show an answer with buttons that export it as CSV and Excel.

    Args:
        answer: Rows of the query.
        asked: The query; its name is the key of the table and the name of the files.
        spoken: The filters in words, written into the Excel file.
        labels: Column headings that the names do not give.
        on_select: Called when the reader selects a row; the selection stands in ``st.session_state`` under the name.
    """
    given = labels or {}
    with st.container(key=f"table-{asked.name}"):
        st.dataframe(
            answer,
            hide_index=True,
            height=38 + 35 * min(max(len(answer), 1), _MOST_ROWS),
            column_config={
                name: _config(name, answer[name], given.get(name) or label(name)) for name in answer.columns
            },
            alt=asked.question,
            key=asked.name,
            on_select=on_select or "ignore",
            selection_mode="single-row",
        )
    named = answer.rename(columns={name: given.get(name) or label(name) for name in answer.columns})
    with st.container(horizontal=True, gap="small", key=f"export-{asked.name}"):
        st.caption(f"{len(answer):,} row{'' if len(answer) == 1 else 's'}", width="stretch")
        for kind, write, mime in (
            ("CSV", _csv, "text/csv"),
            ("Excel", _excel, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ):
            st.download_button(
                kind,
                data=partial(write, named, asked, spoken),
                file_name=f"{asked.name}.{'csv' if kind == 'CSV' else 'xlsx'}",
                mime=mime,
                key=f"{kind}-{asked.name}",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                help=f"These rows as {kind}",
            )


def label(name: str) -> str:
    """A column's name in words, with its unit."""
    stem, unit = name, ""
    for suffix, meaning in (("_amount", " $"), ("_pct", " %"), ("_days", " (days)"), ("_at", " (UTC)"), ("_name", "")):
        if name.endswith(suffix):
            stem, unit = name.removesuffix(suffix), meaning
            break
    words = [_WORDS.get(word, word) for word in stem.removeprefix("is_").split("_")]
    text = " ".join(words) + unit
    return text[:1].upper() + text[1:]


def _config(name: str, values: pd.Series, heading: str) -> ColumnConfig:
    if name.endswith("_amount"):
        return st.column_config.NumberColumn(heading, format="dollar")
    if name.endswith(("_pct", "_days", "_seconds", "_per_second")):
        return st.column_config.NumberColumn(heading, format="%.1f")
    if name in ("month_start_date", "service_month_start_date"):
        return st.column_config.DateColumn(heading.replace(" start date", ""), format="MMM YYYY")
    if name.endswith("_date"):
        return st.column_config.DateColumn(heading, format="YYYY-MM-DD")
    if name.endswith("_at"):
        return st.column_config.DatetimeColumn(heading, format="YYYY-MM-DD HH:mm")
    if name.endswith("_key") and pd.api.types.is_numeric_dtype(values):
        return st.column_config.NumberColumn(heading, format="%d")
    if pd.api.types.is_bool_dtype(values):
        return st.column_config.CheckboxColumn(heading)
    if pd.api.types.is_numeric_dtype(values):
        return st.column_config.NumberColumn(heading, format="localized")
    return st.column_config.TextColumn(heading)


def _csv(named: pd.DataFrame, _asked: Query, _spoken: str) -> bytes:
    written: str = _harmless(named).to_csv(index=False)
    return written.encode()


def _excel(named: pd.DataFrame, asked: Query, spoken: str) -> bytes:
    """A workbook with the rows, and a second sheet that says what they are."""
    file = io.BytesIO()
    about = pd.DataFrame(
        [("Question", asked.question), ("How to read it", asked.reading), ("Shown for", spoken)], columns=["", "about"]
    )
    with pd.ExcelWriter(
        file, engine="xlsxwriter", engine_kwargs={"options": {"strings_to_formulas": False, "strings_to_urls": False}}
    ) as workbook:
        for sheet, content in (("rows", named), ("about", about)):
            content.to_excel(workbook, sheet_name=sheet, index=False, freeze_panes=(1, 0))
            workbook.sheets[sheet].autofit(300)
    return file.getvalue()


def _harmless(named: pd.DataFrame) -> pd.DataFrame:
    """The rows with an apostrophe before texts that a spreadsheet would take for a formula."""
    texts = named.select_dtypes("object").columns
    return named.assign(
        **{
            name: named[name].where(
                ~named[name].astype("string").str.match(_FORMULA).fillna(False), "'" + named[name].astype(str)
            )
            for name in texts
        }
    )
