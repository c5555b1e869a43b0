"""Answers of the warehouse, cached until it is built again."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from dashboard.contracts import Contract, Contracts
from dashboard.queries import query
from dashboard.warehouse import Warehouse, open_warehouse, parameters_of
from ingestion.base.settings import read_settings
from rcm.service import read_control
from rcm.warehouse.freshness import gaps as gold_gaps

# Another process may load at any time.
_GAPS_SECONDS = 60


def warehouse() -> Warehouse:
    """The warehouse the settings name."""
    return open_warehouse(read_settings())


def setting(variable: str) -> str | None:
    """An environment variable's value."""
    return read_settings().values.get(variable)


def rows(name: str, values: Mapping[str, object] | None = None) -> pd.DataFrame:
    """Answer of a query; of the values, it takes those it has parameters for."""
    place = warehouse()
    sql = query(name).sql
    wanted = parameters_of(sql)
    bound = tuple(sorted((name, value) for name, value in (values or {}).items() if name in wanted))
    return _kept(place, place.name, place.state(sql), sql, bound)


def contracts() -> Contracts:
    """Every KPI contract."""
    found = rows("contracts")
    found = found.astype(object).where(found.notna(), None)
    return Contracts({row["kpi_name"]: Contract(**row) for row in found.to_dict("records")})


@st.cache_data(show_spinner=False, ttl=_GAPS_SECONDS)
def gaps() -> list[str]:
    """What keeps the numbers from showing everything that is loaded; none on Databricks, where one job does both."""
    settings = read_settings()
    if not settings.uses_duckdb:
        return []
    return gold_gaps(settings, read_control(settings).systems)


@st.cache_data(show_spinner=False, max_entries=1000)
def _kept(
    _place: Warehouse,
    name: str,  # noqa: ARG001 - name and state are the key of one warehouse and one build of it
    state: str,  # noqa: ARG001
    sql: str,
    values: tuple[tuple[str, object], ...],
) -> pd.DataFrame:
    return _place.rows(sql, dict(values))
