"""The dashboard's queries: gold and counts of quality, never a patient's value, in SQL that both engines accept."""

from pathlib import Path

import duckdb
import pytest
import sqlglot
import yaml
from sqlglot import exp

from dashboard import warehouse as warehouses
from dashboard.contracts import Contract, Contracts
from dashboard.pages import pages
from dashboard.queries import query, query_names
from dashboard.warehouse import DuckDBWarehouse, parameters_of
from ingestion.base.settings import read_settings
from tests.python.lakehouses import PROJECT, Warehouse

# Silver holds identifiers; these tables of it hold rules, counts, batches and surrogate keys.
QUALITY = {
    "quarantine",
    "quarantine_age_bands",
    "dq_rules",
    "dq_references",
    "dq_circuit_breaker",
    "dq_batch_reconciliation",
    "dq_systems",
}
# Of an account that is not there; of payers with fewer than ten claims for a procedure; where nothing is out.
MAY_BE_EMPTY = {"left_out_of_build", "account_events", "account_claims", "claim_events", "underpayments"}
MAY_BE_EMPTY |= {"attention", "batch_decisions"}
CHOICE: dict[str, object] = {
    "hospital": "All hospitals",
    "month": 202412,
    "payer_group": "All payer groups",
    "basis": "restated",
    "slice": "department",
    "slice_name": "all",
    "bucket": "all",
    "account": "-",
    "claim": "-",
    "now": "2025-01-01 00:00:00",
}


def phi_columns() -> dict[str, str]:
    """Columns of the common data model and of the sources that identify a person, with their tag."""
    found = {}
    files = [PROJECT / "models/silver/cdm/_cdm__models.yml", *(PROJECT / "models/bronze").glob("*.yml")]
    for file in files:
        said = yaml.safe_load(file.read_text())
        tables = [*said.get("models", []), *(table for source in said.get("sources", []) for table in source["tables"])]
        for column in (column for table in tables for column in table.get("columns", [])):
            if tag := column.get("config", {}).get("meta", {}).get("phi"):
                found[column["name"].lower()] = tag
    return found


TEXTS = {name: query(name).sql for name in query_names()}


@pytest.fixture(scope="module")
def contracts(full: Warehouse) -> Contracts:
    place = DuckDBWarehouse(read_settings({"RCM_LAKEHOUSE": str(full.lakehouse)}))
    rows = place.rows(query("contracts").sql, {})
    rows = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return Contracts({row["kpi_name"]: Contract(**row) for row in rows})


@pytest.mark.parametrize("dialect", ["duckdb", "databricks"])
def test_queries_read_only_what_holds_no_patient(dialect: str) -> None:
    phi = phi_columns()
    assert {"name", "ssn", "birth_date"} <= set(phi.values()), "the tags were not found"
    for name, sql in TEXTS.items():
        statements = sqlglot.parse(sql, read=dialect)
        assert len(statements) == 1, name
        parsed = statements[0]
        assert isinstance(parsed, exp.Query), name
        within = {cte.alias for cte in parsed.find_all(exp.CTE)}
        for table in parsed.find_all(exp.Table):
            if table.db == "silver":
                assert table.name in QUALITY, f"{name} reads silver.{table.name}"
            else:
                place = f"{table.db}.{table.name}"
                assert table.db == "gold" or place == "audit.load_log" or (not table.db and table.name in within), (
                    f"{name} reads {place}"
                )
        named = {column.name.lower() for column in parsed.find_all(exp.Column)}
        assert named & set(phi) == set(), f"{name} names {named & set(phi)}"


def test_quarantine_is_shown_in_counts_alone() -> None:
    for name in query_names():
        parsed = sqlglot.parse_one(query(name).sql, read="duckdb")
        if any(table.db == "silver" and table.name == "quarantine" for table in parsed.find_all(exp.Table)):
            assert parsed.args.get("group") is not None, f"{name} shows single records"
            assert "record_key" not in query(name).sql


def test_a_record_that_failed_two_rules_counts_under_each(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema silver")
        connection.execute("create schema gold")
        connection.execute("create table gold.dim_hospital (hospital_code text, hospital_name text)")
        connection.execute(
            "create table silver.dq_rules as select * from (values ('patients', 'first_rule', 'One.', false),"
            " ('patients', 'second_rule', 'Two.', false)) as t (entity, rule_name, rule_description, is_relation)"
        )
        connection.execute(
            "create table silver.quarantine as select 'patients' as entity, 'hospital_a' as source_system,"
            " 'first_rule,second_rule' as failed_rules, 'open' as status, timestamp '2025-01-01' as first_seen_at"
        )
    place = DuckDBWarehouse(read_settings({"RCM_LAKEHOUSE": str(tmp_path)}))
    rows = place.rows(query("quarantine_by_rule").sql, {"hospital": "All hospitals"})
    assert rows[["rule_name", "open_records"]].values.tolist() == [["first_rule", 1], ["second_rule", 1]]


def test_every_query_says_its_question_and_how_to_read_it(contracts: Contracts) -> None:
    for name in query_names():
        asked = query(name)
        assert asked.question.endswith("?"), name
        assert set(asked.contracts) <= set(contracts.by_name), name
        if not name.startswith("filter_"):
            assert asked.reading.endswith("."), name


def test_every_query_is_shown_and_every_page_asks_for_one_that_is_there() -> None:
    code = "".join(path.read_text() for path in (PROJECT / "dashboard").rglob("*.py"))
    assert [name for name in query_names() if f'"{name}"' not in code] == []
    files = [path.stem for path in (PROJECT / "dashboard").rglob("*.sql")]
    assert sorted(files) == query_names(), "two queries have one name"


def test_contracts_place_the_cards_and_no_page_lists_them(contracts: Contracts) -> None:
    names = {page.name for page in pages()}
    placed = {contract.page for contract in contracts.by_name.values() if contract.page}
    assert placed <= names
    assert {"aging", "collections", "denials", "payers", "charges"} <= placed
    code = "".join(path.read_text() for path in (PROJECT / "dashboard").rglob("*.py"))
    assert [name for name in set(contracts.by_name) - set(query_names()) if f'"{name}"' in code] == []


@pytest.mark.parametrize("basis", ["restated", "known"])
def test_every_query_runs(full: Warehouse, basis: str) -> None:
    place = DuckDBWarehouse(read_settings({"RCM_LAKEHOUSE": str(full.lakehouse)}))
    for name, sql in TEXTS.items():
        values = {key: value for key, value in (CHOICE | {"basis": basis}).items() if key in parameters_of(sql)}
        answer = place.rows(sql, values)
        assert name in MAY_BE_EMPTY or not answer.empty, name


@pytest.mark.parametrize(("basis", "known_by"), [("restated", "9999-12-31"), ("known", "{day}")])
@pytest.mark.parametrize(("month", "day"), [(202406, "2024-06-30"), (202412, "2024-12-31")])
def test_balances_by_age_are_those_of_the_events_known(
    full: Warehouse, basis: str, known_by: str, month: int, day: str
) -> None:
    """The rule told again, from the ledger's events alone: an account ages from its last service still charged."""
    place = DuckDBWarehouse(read_settings({"RCM_LAKEHOUSE": str(full.lakehouse)}))
    sql = query("aging_buckets").sql
    shown = place.rows(sql, {**_wanted(sql), "month": month, "basis": basis})
    expected = full.query(
        f"""
        with events as (
            select * from gold.fct_ar_events
            where post_date <= '{day}' and known_at::date <= '{known_by.format(day=day)}'),
        charged as (
            select account_key, max(service_date) as service_date from (
                select account_key, service_date from events where money_type = 'CHARGE'
                group by all having sum(ar_delta_amount) <> 0)
            group by all),
        balances as (
            select account_key, payer_group, min(post_date) as first_date, sum(ar_delta_amount) as balance
            from events group by all having balance <> 0),
        aged as (
            select payer_group, balance, date '{day}' - coalesce(service_date, first_date) as days
            from balances left join charged using (account_key))
        select case when days <= 30 then '0-30' when days <= 60 then '31-60' when days <= 90 then '61-90'
                when days <= 120 then '91-120' when days <= 180 then '121-180' else '>180' end as bucket,
            payer_group, count(*), sum(greatest(balance, 0))::double, sum(greatest(-balance, 0))::double
        from aged group by bucket, payer_group
        """
    )
    columns = ["aging_bucket", "payer_group", "accounts", "debit_amount", "credit_amount"]
    assert len(expected) > 10
    assert sorted(shown[columns].itertuples(index=False, name=None)) == sorted(expected)


def test_roll_forward_closes_and_a_signed_month_differs_from_what_is_known_now(full: Warehouse) -> None:
    place = DuckDBWarehouse(read_settings({"RCM_LAKEHOUSE": str(full.lakehouse)}))
    found = {}
    sql = query("rollforward").sql
    for basis in ("known", "restated"):
        for month in (202410, 202411, 202412, 202501):
            lines = place.rows(sql, {**_wanted(sql), "month": month, "basis": basis}).set_index("step")
            assert lines["is_balance"].tolist() == [True, *[False] * (len(lines) - 2), True]
            *before, closing = lines["ar_amount"]
            assert sum(before) == pytest.approx(closing, abs=0.005)
            found[basis, month] = lines["ar_amount"]
    ((signed,),) = full.query(
        "select sum(closing_amount)::double from gold.fct_month_close where is_in_force and month_key = 202412"
    )
    assert found["known", 202412]["Closing balance"] == signed
    late = found["restated", 202412]["Closing balance"] - signed
    assert late != 0, "what came after the close is not shown"
    assert found["known", 202501]["Restatement"] == pytest.approx(late, abs=0.005)
    assert found["restated", 202501]["Restatement"] == 0
    assert found["known", 202501]["Closing balance"] == found["restated", 202501]["Closing balance"]


def test_headline_of_the_cards_is_gold_s(full: Warehouse, contracts: Contracts) -> None:
    place = DuckDBWarehouse(read_settings({"RCM_LAKEHOUSE": str(full.lakehouse)}))
    headline = full.query(
        "select hospital_name, kpi_name, kpi_value::double from gold.kpi_headline where kpi_value is not null"
    )
    split = {name for name, contract in contracts.by_name.items() if contract.split_by}
    sql = query("kpi_cards").sql
    shown: dict[tuple[str, str], float] = {}
    for hospital in {str(row[0]) for row in headline}:
        choice: dict[str, object] = {"hospital": hospital}
        month = place.rows(query("filter_months").sql, choice)["month_key"].iloc[0]
        cards = place.rows(sql, {**_wanted(sql), **choice, "month": int(month)})
        shown |= {(hospital, row.kpi_name): row.kpi_value for row in cards[cards["is_headline"]].itertuples()}
    compared = [row for row in headline if row[1] not in split]
    assert len(compared) > 40
    for shown_hospital, name, value in compared:
        assert shown[str(shown_hospital), str(name)] == pytest.approx(value, abs=1e-3), (shown_hospital, name)


def test_exposure_names_what_the_queries_read() -> None:
    said = yaml.safe_load((PROJECT / "models/gold/_exposures.yml").read_text())["exposures"][0]["depends_on"]
    read = {
        table.name
        for sql in TEXTS.values()
        for table in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Table)
        if table.db in {"gold", "silver"}
    }
    assert {f"ref('{name}')" for name in read} | {"source('audit', 'load_log')"} == set(said)


def test_databricks_gets_the_same_text_and_bound_values(full: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in in the connector's place answers from DuckDB, after sqlglot read the query as Databricks would."""
    from databricks import sql as databricks_sql

    seen: list[dict[str, object]] = []
    monkeypatch.setattr(databricks_sql, "connect", lambda **options: _StandIn(full.lakehouse, seen, options))
    settings = read_settings(
        {
            "RCM_TARGET": "databricks",
            "RCM_CATALOG": "finance",
            "DATABRICKS_HOST": "host.example",
            "DATABRICKS_HTTP_PATH": "/sql/1",
            "DATABRICKS_TOKEN": "a token of the tests",
        }
    )
    place = warehouses.open_warehouse(settings)
    local = DuckDBWarehouse(read_settings({"RCM_LAKEHOUSE": str(full.lakehouse)}))
    for name in ("ar_positions", "aging_buckets", "payer_scorecard", "cash_forecast", "rollforward", "volumes"):
        sql = query(name).sql
        here, there = local.rows(sql, _wanted(sql)), place.rows(sql, _wanted(sql))
        assert list(here.columns) == list(there.columns)
        assert here.select_dtypes("number").sum().round(2).to_dict() == pytest.approx(
            there.select_dtypes("number").sum().round(2).to_dict(), nan_ok=True
        ), name
    assert seen[0] == {
        "server_hostname": "host.example",
        "http_path": "/sql/1",
        "access_token": "a token of the tests",
        "catalog": "finance",
    }


class _StandIn:
    """Connection and cursor of databricks-sql-connector, as far as the dashboard uses them."""

    def __init__(self, lakehouse: Path, seen: list[dict[str, object]], options: dict[str, object]) -> None:
        self.lakehouse = lakehouse
        seen.append(options)

    def __enter__(self) -> "_StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cursor(self) -> "_StandIn":
        return self

    def execute(self, sql: str, values: dict[str, object]) -> None:
        import duckdb

        text = sqlglot.parse_one(sql, read="databricks").sql("duckdb")
        with duckdb.connect(str(self.lakehouse / "warehouse.duckdb"), read_only=True) as connection:
            answered = connection.execute(text, values)
            self.description = answered.description
            self.rows = answered.fetchall()

    def fetchall(self) -> list[tuple[object, ...]]:
        return self.rows


def _wanted(sql: str) -> dict[str, object]:
    return {key: value for key, value in CHOICE.items() if key in parameters_of(sql)}
