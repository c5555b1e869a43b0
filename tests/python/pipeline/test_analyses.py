"""What finance reads of a built warehouse besides the models: analyses, KPI contracts, MetricFlow's measures."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator

from docs.generate_tables import KpiContract, kpi_contracts
from tests.python.lakehouses import PROJECT, SimulatedDays, Warehouse

ANALYSES = sorted(path.stem for path in PROJECT.glob("analyses/*.sql"))
PAGE = (PROJECT / "docs/for-analysts.md").read_text()
CONTRACTS = [contract for contract in kpi_contracts() if contract.has_model]
CHARGES = "sum(ar_delta_amount) filter (where money_type = 'CHARGE')"
CASH = "('PAYMENT_INSURANCE', 'PAYMENT_PATIENT', 'PAYMENT_UNKNOWN', 'REFUND')"
PAYMENTS = f"-sum(ar_delta_amount) filter (where money_type in {CASH})"

# Lines of accounts that owe nothing: in no work list.
SETTLED = """
    select transaction_key from gold.fct_transactions where account_key not in (
        select account_key from gold.fct_ar_events group by account_key, payer_group having sum(ar_delta_amount) > 0)
"""

# For each analysis, what is summed of its answer (the relation `answer`) and what gold says it must be.
INVARIANTS = {
    "charges_and_payments_by_month": (
        """
        select sum(charge_amount),
            sum(insurance_payment_amount + patient_payment_amount + unknown_payment_amount - refund_amount),
            sum(change_amount), (select sum(ar_amount) from answer where (hospital_name, month_key) in (
                select (hospital_name, max(month_key)) from answer group by hospital_name))
        from answer
        """,
        f"select {CHARGES}, {PAYMENTS}, sum(ar_delta_amount), sum(ar_delta_amount) from gold.fct_ar_events",
    ),
    "charges_and_payments_by_provider_and_department": (
        "select sum(charge_amount), sum(payment_amount), sum(balance_amount) from answer",
        f"select {CHARGES}, {PAYMENTS}, sum(ar_delta_amount) from gold.fct_ar_events",
    ),
    "denial_pareto": (
        """
        select sum(denied_claims), sum(denied_amount), count(*) filter (where cumulative_pct = 100) >= 2,
            max(cumulative_pct), sum(denied_share_pct)::decimal(18, 1)
        from answer
        """,
        """
        select count(*), sum(claim_amount), true, 100, 200.0 from gold.fct_claims where is_denied and is_last_submission
        """,
    ),
    "duplicate_billing_suspects": (
        "select count(*) from answer",
        # The simulator bills nothing twice; what is planted is found in a test of its own.
        "select 0",
    ),
    "open_balances_by_payer": (
        "select sum(debit_amount), sum(credit_amount), sum(debit_amount - credit_amount) from answer",
        """
        select sum(debit_amount), sum(credit_amount), (select sum(ar_delta_amount) from gold.fct_ar_events)
        from gold.kpi_days_in_ar inner join gold.dim_ledger_month using (hospital_key, month_key) where is_latest
        """,
    ),
    "open_claims": (
        "select sum(open_claims), sum(claim_amount), min(oldest_claim_date) from answer",
        f"""
        select count(*), sum(claim_amount), min(claim_date) from gold.fct_claims
        where is_open and transaction_key not in (select transaction_key from ({SETTLED}))
        """,
    ),
    "patient_against_insurer_share": (
        """
        select sum(insurance_payment_amount), sum(patient_payment_amount), sum(patient_responsibility_amount)
        from answer
        """,
        """
        select -sum(ar_delta_amount) filter (where money_type = 'PAYMENT_INSURANCE'),
            -sum(ar_delta_amount) filter (where money_type = 'PAYMENT_PATIENT'),
            (select sum(deductible_amount + coinsurance_amount + copay_amount) from gold.fct_claims
            where is_last_submission and allowed_amount is not null)
        from gold.fct_ar_events
        """,
    ),
    "receivables_as_of": (
        "select sum(restated_now_amount), sum(known_then_amount) <= sum(restated_now_amount) from answer",
        """
        select sum(restated_closing_amount), true from gold.fct_ar_rollforward_monthly where month_key = 202412
        """,
    ),
    "timely_filing_at_risk": (
        "select sum(charge_lines), sum(balance_amount), bool_or(time_left = 'past limit') from answer",
        f"""
        select count(*), sum(balance_amount), true from gold.fct_transactions
        where payer_group <> 'Self-pay' and balance_amount > 0 and transaction_key not in (
            select transaction_key from gold.fct_claims where claim_status not in ('REJECTED', 'VOID'))
            and transaction_key not in (select transaction_key from ({SETTLED}))
        """,
    ),
    "top_procedures": (
        "select hospital_name, count(*), sum(charge_amount), max(cumulative_pct) from answer group by all order by all",
        """
        with procedures as (
            select hospital_name, procedure_key, sum(charge_amount) as charge_amount
            from gold.fct_transactions inner join gold.dim_hospital using (hospital_key) group by all
        )
        select hospital_name, 20, list_sum(max(charge_amount, 20)),
            (list_sum(max(charge_amount, 20)) * 100 / sum(charge_amount))::decimal(18, 4)
        from procedures group by all order by all
        """,
    ),
    "underpayment_by_payer_and_procedure": (
        "select count(*) > 0, sum(short_claims), sum(short_amount) from answer",
        """
        with claims as (
            select *, median(allowed_amount::decimal(18, 4)) over pair as usual,
                count(allowed_amount) over pair as claims
            from gold.fct_claims where is_last_submission and procedure_key not in ('-1', '-2')
            window pair as (partition by hospital_key, payer_key, payer_group, procedure_key)
        )
        select true, count(*), sum(usual::decimal(18, 2) - allowed_amount) from claims
        where claims >= 10 and allowed_amount < usual::decimal(18, 2)
        """,
    ),
}


@pytest.fixture(scope="module")
def built(simulated_days: SimulatedDays, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The demonstration and the day after it, so that corrections and late rows are there; analyses compiled."""
    built = simulated_days.copy(1, tmp_path_factory.mktemp("lakehouse"))
    built.run("dbt", "compile", "--quiet", "--select", "path:analyses")
    return built


@pytest.fixture(scope="module")
def manifest(built: Warehouse) -> dict[str, Any]:
    nodes: dict[str, Any] = json.loads((built.target / "manifest.json").read_text())["nodes"]
    return nodes


@pytest.fixture
def connection(built: Warehouse, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the warehouse, which a test may change."""
    copy = shutil.copy(built.lakehouse / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(copy)) as opened:
        yield opened


def compiled(built: Warehouse, analysis: str) -> str:
    return (built.target / "compiled" / "rcm" / "analyses" / f"{analysis}.sql").read_text()


def test_every_analysis_has_an_invariant() -> None:
    assert sorted(INVARIANTS) == ANALYSES


@pytest.mark.parametrize("analysis", ANALYSES)
def test_analysis_says_what_it_answers_and_how_to_read_it(analysis: str) -> None:
    text = (PROJECT / f"analyses/{analysis}.sql").read_text()
    assert re.match(r"-- Question: [^\n]*\?\n-- Reading: ", text)


def test_page_for_analysts_names_every_analysis_and_only_models_there_are() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \| [A-Z]", PAGE, re.MULTILINE)) == ANALYSES
    models = {path.stem for path in PROJECT.glob("models/gold/**/*.sql")}
    assert set(re.findall(r"`((?:fct|dim|kpi)_\w+)`", PAGE)) <= models


def test_commands_of_the_page_for_analysts_show_an_analysis(built: Warehouse) -> None:
    (commands,) = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    show, compile_ = (shlex.split(line.partition(" > ")[0]) for line in commands.splitlines())
    assert '"Hospital A"' in built.run(*show)
    assert built.run(*compile_).lstrip().startswith("-- Question: ")


@pytest.mark.parametrize("analysis", ANALYSES)
def test_analysis_agrees_with_gold(built: Warehouse, connection: duckdb.DuckDBPyConnection, analysis: str) -> None:
    of_answer, of_gold = INVARIANTS[analysis]
    connection.execute(f"create temp table answer as {compiled(built, analysis)}")
    assert connection.sql(of_answer).fetchall() == connection.sql(of_gold).fetchall()


@pytest.mark.parametrize("analysis", ANALYSES)
def test_analysis_reads_gold_alone(manifest: dict[str, Any], analysis: str) -> None:
    parents = manifest[f"analysis.rcm.{analysis}"]["depends_on"]["nodes"]
    assert {manifest[parent]["schema"] for parent in parents} == {"gold"}


def test_what_is_billed_twice_is_suspected_and_nothing_else(
    built: Warehouse, connection: duckdb.DuckDBPyConnection
) -> None:
    connection.execute(
        """
        create temp table line as
        select transactions.* from gold.fct_transactions as transactions
        inner join gold.dim_patient as patients using (patient_version_key)
        inner join gold.fct_claims as claims using (transaction_key)
        where charge_amount > 0 and patients.patient_key not in ('-1', '-2')
            and transactions.procedure_key not in ('-1', '-2')
            and claims.claim_status = 'PAID'
        order by transaction_key limit 1;
        insert into gold.fct_transactions select * replace ('again' as transaction_key) from line;
        insert into gold.fct_transactions
        select * replace ('other day' as transaction_key, service_date + 1 as service_date) from line;
        insert into gold.fct_claims select claims.* replace ('again' as claim_key) from gold.fct_claims as claims
        inner join line using (transaction_key) where claim_status = 'PAID';
        insert into gold.fct_claims select claims.* replace ('withdrawn' as claim_key, true as is_withdrawn)
        from gold.fct_claims as claims inner join line using (transaction_key) where claim_status = 'PAID';
        """
    )
    connection.execute(f"create temp table answer as {compiled(built, 'duplicate_billing_suspects')}")
    found = connection.sql(
        "select suspect_kind, times_billed, suspect_amount = billed_amount from answer order by suspect_kind"
    ).fetchall()
    assert found == [("charge line", 2, True), ("claim", 2, True)]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.said["name"])
def test_contract_computes_on_its_model(connection: duckdb.DuckDBPyConnection, contract: KpiContract) -> None:
    said = contract.said
    ((rows, numerator, denominator),) = connection.sql(
        f"select count(*), sum({said['numerator']}), sum({said['denominator'] or 0}) from gold.{contract.model} as kpi"
    ).fetchall()
    # Without the optional feed its KPIs have no row, or none with an amount.
    unknown = said.get("feed") == "adjustments"
    assert (rows == 0 or not numerator) if unknown else (numerator is not None and denominator is not None)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.said["name"])
def test_numerator_without_a_denominator_is_not_summed(
    connection: duckdb.DuckDBPyConnection, contract: KpiContract
) -> None:
    """Else sum over sum holds the A/R of a hospital whose revenue is not known yet against the revenue of others."""
    said = contract.said
    if said["denominator"] is not None:
        alone = f"({said['denominator']}) is null and coalesce({said['numerator']}, 0) <> 0"
        assert connection.sql(f"select count(*) from gold.{contract.model} as kpi where {alone}").fetchall() == [(0,)]


def test_contracts_say_what_this_warehouse_computes(built: Warehouse) -> None:
    published = set(built.query("select kpi_name, is_computed from gold.kpi_contracts"))
    assert published == {
        (contract.said["name"], contract.has_model and contract.said.get("feed") != "adjustments")
        for contract in kpi_contracts()
    }


def test_semantic_manifest_is_valid_and_its_columns_exist(
    built: Warehouse, connection: duckdb.DuckDBPyConnection
) -> None:
    """`dbt parse` checks the names of metrics and dimensions, but not that gold has the columns."""
    semantic = PydanticSemanticManifest.parse_raw((built.target / "semantic_manifest.json").read_text())
    SemanticManifestValidator[PydanticSemanticManifest]().checked_validations(semantic)
    tables = {model.name: model.node_relation.alias for model in semantic.semantic_models}
    selected = [
        (element.expr or element.name, tables[model.name])
        for model in semantic.semantic_models
        for element in (*model.entities, *model.dimensions)
    ]
    selected += [
        (metric.type_params.expr or metric.name, tables[aggregated.semantic_model])
        for metric in semantic.metrics
        if (aggregated := metric.type_params.metric_aggregation_params)
    ]
    assert len(tables) == len(set(tables.values())) == 8
    for expression, table in selected:
        connection.sql(f"select {expression} from gold.{table} limit 0")


def test_metrics_sum_what_the_contracts_of_their_kpis_sum(
    built: Warehouse, connection: duckdb.DuckDBPyConnection
) -> None:
    """Where a metric has the name of a KPI, numerator and denominator are the same over all rows."""
    semantic = json.loads((built.target / "semantic_manifest.json").read_text())
    tables = {model["name"]: model["node_relation"]["alias"] for model in semantic["semantic_models"]}
    sums = {
        metric["name"]: f"select sum({metric['type_params']['expr'] or metric['name']}) from gold.{tables[table]}"
        for metric in semantic["metrics"]
        if (table := (metric["type_params"]["metric_aggregation_params"] or {}).get("semantic_model"))
    }
    contracts = {contract.said["name"]: contract for contract in CONTRACTS}
    compared = set()
    for metric in semantic["metrics"]:
        contract = contracts.get(metric["name"])
        if contract is None:
            continue
        parts = metric["type_params"]
        # A simple metric is its own numerator.
        names = (parts["numerator"] or metric, parts["denominator"])
        for name, part in zip(names, ("numerator", "denominator"), strict=True):
            if name is not None:
                of_contract = f"select sum({contract.said[part]}) from gold.{contract.model} as kpi"
                found = connection.sql(sums[name["name"]]).fetchall()
                assert found == connection.sql(of_contract).fetchall(), name
        compared.add(metric["name"])
    assert {"ar_balance", "credit_balances", "ar_over_90_days", "gross_collection", "denial_rate"} <= compared
