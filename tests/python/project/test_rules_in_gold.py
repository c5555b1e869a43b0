"""Rules stand in gold: outside of it nothing names an event type, a bucket or a threshold, or computes a window."""

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
import yaml
from sqlglot import exp

PROJECT = Path(__file__).parents[3]
FOLDERS = ("analyses", "dashboard", "ingestion", "rcm")
FILES = sorted(file for folder in FOLDERS for kind in ("sql", "py") for file in (PROJECT / folder).rglob(f"*.{kind}"))

VARS = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
STATUSES = list(csv.DictReader((PROJECT / "seeds/silver/claim_statuses.csv").open()))
LAST_DAYS = VARS["aging_buckets"]
BUCKETS = {f"{first}-{last}" for first, last in zip([0, *(day + 1 for day in LAST_DAYS)], LAST_DAYS, strict=False)} | {
    f">{LAST_DAYS[-1]}"
}
WORDS = {row["type"] for row in VARS["event_types"]} | {row["claim_status"] for row in STATUSES}

# A query may ask for one of these by name; what it means is defined in gold (fct_ar_balance_changes, kpi_windows, ...).
NAMES = {
    "basis": {"restated", "known", "signed", "reported"},
    "kpi_window": {"month", "trailing_12_months", "mature_cohorts"},
    "event_class": {"balance"},
    # What became of a load (the load log) or of a bad record (the quarantine) is no rule of finance.
    "status": {"committed", "conflict", "failed", "open", "resolved"},
}
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Like, exp.Case)
DATE_ARITHMETIC = (
    exp.Interval, exp.DateAdd, exp.DateSub, exp.DateDiff, exp.DateTrunc, exp.TimestampTrunc, exp.AddMonths,
    exp.TsOrDsAdd, exp.DateFromParts, exp.LastDay,
)  # fmt: skip


def findings(file: Path, text: str) -> list[str]:
    """What a file says that only gold may say, each with the remedy."""
    found = _in_sql(text) if file.suffix == ".sql" else _in_python(text)
    return [f"{file.relative_to(PROJECT)}: {finding}" for finding in found]


def _in_sql(text: str) -> Iterator[str]:
    parsed = sqlglot.parse_one(_without_jinja(text), read="duckdb")
    for literal in parsed.find_all(exp.Literal):
        if literal.is_string:
            yield from _words(literal.this)
    for comparison in parsed.find_all(*COMPARISONS):
        yield from _compared(comparison)
    for function in parsed.find_all(*DATE_ARITHMETIC):
        yield (
            f"{function.sql()} computes a window or a period; select a flag or a month of a model in gold "
            "(kpi_windows, dim_ledger_month, models/gold/reports)"
        )


def _compared(comparison: exp.Condition) -> Iterator[str]:
    """Literals that a column is compared with; those that a parameter is compared with are the reader's choice."""
    sides = list(comparison.iter_expressions())
    if isinstance(comparison, exp.Case):
        sides = [comparison.this, *(each.this for each in comparison.args["ifs"])] if comparison.this else []
    column = next((each for each in sides if each.find(exp.Column)), None)
    if column is None or any(isinstance(each, exp.Placeholder) for each in sides):
        return
    name = column.name if isinstance(column, exp.Column) else ""
    if name.endswith("_rank"):
        return  # as good as a limit: how many rows are shown
    for literal in (each for each in sides if isinstance(each, exp.Literal)):
        if literal.is_string and literal.this not in NAMES.get(name, set()):
            yield f"'{literal.this}' in {comparison.sql()} is a rule; give gold a column that says it, and select that"
        if not literal.is_string and literal.this not in {"0", "1"}:
            yield f"{literal.this} in {comparison.sql()} is a threshold; give gold a flag for it, and select that"


def _in_python(text: str) -> Iterator[str]:
    tree = ast.parse(text)
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from _words(node.value)


def _words(text: str) -> Iterator[str]:
    for word in sorted(set(re.findall(r"\w+", text)) & WORDS):
        yield (
            f"{word} is an event type or claim status; join gold.dim_event_type or select a flag or an amount of a "
            "model in gold (vars.event_types and seeds/silver/claim_statuses.csv define them)"
        )
    for bucket in sorted(set(re.findall(r"[\d>-]+", text)) & BUCKETS):
        yield f"{bucket} is an aging bucket; read gold.dim_aging_bucket (vars.aging_buckets defines them)"


def _without_jinja(text: str) -> str:
    """SQL of an analysis with its references as tables and its other expressions as they stand for."""
    text = re.sub(r"\{\{\s*ref\('(\w+)'\)\s*\}\}", r"gold.\1", text)
    text = re.sub(r"\{\{\s*safe_divide\(\s*'([^']*)',\s*'([^']*)'\s*\)\s*\}\}", r"(\1) / (\2)", text)
    text = re.sub(r"\{%.*?%\}", "", text, flags=re.DOTALL)
    return re.sub(r"\{\{.*?\}\}", "jinja()", text, flags=re.DOTALL)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_rule_stands_outside_gold(folder: str) -> None:
    found = [
        finding
        for file in FILES
        if file.is_relative_to(PROJECT / folder)
        for finding in findings(file, file.read_text())
    ]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        (
            "q.sql",
            "select sum(case when money_type = 'CHARGE' then amount end) from gold.x",
            "join gold.dim_event_type",
        ),
        ("q.sql", "select * from gold.x where claim_status not in ('REJECTED', 'VOID')", "claim status"),
        ("q.sql", "select case when bucket = '31-60' then 1 end from gold.x", "read gold.dim_aging_bucket"),
        ("q.sql", "select case when age_days <= 90 then 1 end from gold.x", "90 in age_days <= 90 is a threshold"),
        ("q.sql", "select * from gold.x where open_days between 31 and 45", "is a threshold"),
        ("q.sql", "select * from gold.x where payer_group = 'Self-pay'", "give gold a column"),
        ("q.sql", "select case payer_group when 'Self-pay' then 1 end from gold.x", "give gold a column"),
        ("q.sql", "select * from gold.x where post_date > as_of_date - interval '12' month", "computes a window"),
        ("q.sql", "select date_trunc('month', post_date) from gold.x", "computes a window"),
        ("q.sql", "select {{ dbt.datediff('a', 'b', 'day') }} as d from {{ ref('x') }} where d > 45", "is a threshold"),
        ("q.py", "CASH = ['PAYMENT_PATIENT', 'REFUND']", "REFUND is an event type"),
        ("q.py", "SQL = f\"select * from gold.x where event_type = 'ADJ_DENIAL' and {more}\"", "ADJ_DENIAL is"),
        ("q.py", "AGES = ['0-30', '>180']", ">180 is an aging bucket"),
    ],
)
def test_a_planted_rule_is_found_and_the_remedy_named(name: str, text: str, remedy: str) -> None:
    assert any(remedy in finding for finding in findings(PROJECT / "dashboard" / name, text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.sql", "select sum(a) from gold.x where basis = 'known' and :payer in ('All payer groups', payer_group)"),
        ("q.sql", "select case when :slice = 'payer' then payer_name else payer_group end from gold.x limit 100"),
        ("q.sql", "select cast(sum(a) as double) * 100 / nullif(sum(b), 0) from gold.x having sum(a) > 0"),
        ("q.py", '"""What was CHARGE in the ledger."""\nTITLE = "Charges"'),
    ],
)
def test_a_choice_of_the_reader_is_no_rule(name: str, text: str) -> None:
    assert findings(PROJECT / "dashboard" / name, text) == []
