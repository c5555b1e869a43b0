"""What must hold of the KPIs whatever their formulas: variants of one hospital are built beside each other.

Each variant differs from the first hospital in one thing, so that one build answers what that thing changes. A second
build adds a hospital, which must change no other.
"""

import csv
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.python.lakehouses import Warehouse, with_project

FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)
PLANS = ("Medicare", "Medicaid", "Commercial", "Self-pay")
LINES = 72


@dataclass(frozen=True)
class Line:
    """A charge line with what became of it; days None where it did not happen."""

    number: int
    plan: str
    day: date
    entered: date
    amount: Decimal
    paid: Decimal
    paid_day: date | None
    claimed: date | None
    status: str
    adjusted: tuple[tuple[str, date, Decimal], ...]


def lines() -> list[Line]:
    """The year of the first hospital; every kind of posting is in it, and the first and the last day."""
    chance = random.Random(12)  # noqa: S311 - invented data
    made = []
    for number in range(LINES):
        plan = PLANS[number % len(PLANS)]
        day = FIRST + timedelta(days=(LAST - FIRST).days * number // (LINES - 1))
        amount = Decimal(chance.randrange(4000, 90000)) / 100
        settled = min(day + timedelta(days=chance.randrange(5, 70)), LAST)
        adjusted: list[tuple[str, date, Decimal]] = []
        if plan == "Self-pay":
            kind = ("uninsured discount", "charity", "bad debt")[number // len(PLANS) % 3]
            adjusted.append((kind, settled, round(amount / 5, 2)))
        elif number % 3:
            adjusted.append(("contractual", settled, round(amount * Decimal("0.4"), 2)))
        if number % 11 == 5:
            adjusted.append(("denial write-off", settled, round(amount / 10, 2)))
        if number % 13 == 6:
            adjusted.append(("refund", settled, Decimal("3.10")))
        paid = Decimal(0) if number % 5 == 1 else round(amount * Decimal("0.5"), 2)
        if number % 17 == 8:
            paid = amount + 20  # a credit balance
        if number // 2 % 9 == 4:  # both lines of the visit are settled, whatever their claims say
            adjusted = [each for each in adjusted if each[0] != "refund"]
            paid = amount - sum(each[2] for each in adjusted)
        claimed = None if plan == "Self-pay" or number % 7 == 2 else min(day + timedelta(days=number % 12), LAST)
        status = ("paid", "denied", "pending", "partial")[number % 4] if paid else ("denied", "pending")[number % 2]
        made.append(
            Line(
                number, plan, day, min(day + timedelta(days=number % 6), LAST), amount, paid,
                settled if paid else None, claimed, "no such word" if number % 19 == 3 else status, tuple(adjusted),
            )
        )  # fmt: skip
    return made


def doubled(line: Line) -> Line:
    adjusted = tuple((kind, day, amount * 2) for kind, day, amount in line.adjusted)
    return replace(line, amount=line.amount * 2, paid=line.paid * 2, adjusted=adjusted)


def paid_later(line: Line) -> Line:
    return replace(line, paid_day=line.paid_day and min(line.paid_day + timedelta(days=9), LAST))


def until_march(line: Line) -> Line:
    """The same line of a hospital that stopped sending at the end of March; the last line is of that day."""
    end = date(2024, 3, 31)
    return replace(
        line,
        paid=line.paid if line.paid_day and line.paid_day <= end else Decimal(0),
        paid_day=line.paid_day if line.paid_day and line.paid_day <= end else None,
        claimed=line.claimed if line.claimed and line.claimed <= end else None,
        entered=min(line.entered, end),
        adjusted=tuple(each for each in line.adjusted if each[1] <= end),
    )


BASE = lines()
MARCH = [until_march(line) for line in BASE if line.day <= date(2024, 3, 31)]
HOSPITALS: Mapping[str, list[Line]] = {
    "base": BASE,
    "doubled": [doubled(line) for line in BASE],
    "paid_later": [paid_later(line) for line in BASE],
    "slow": [*MARCH[:-1], replace(MARCH[-1], day=date(2024, 3, 31), entered=date(2024, 3, 31))],
    "unclaimed": [replace(line, claimed=None) for line in BASE],
    "unadjusted": [replace(line, adjusted=()) for line in BASE],
    "medicaid_only": [replace(line, plan="Medicaid") for line in BASE],
    "young": [line for line in BASE if line.day >= date(2024, 11, 15)],
}
ADDED = "added"
NAMES = [*HOSPITALS, ADDED]
LABELS = {name: name.replace("_", " ").title() for name in NAMES}

SYSTEM = """
version: 2
sources:
  - name: {name}
    description: A variant.
    schema: bronze_{name}
    config:
      loaded_at_query: "{{{{ last_good_load(this) }}}}"
      meta:
        label: {label}
        kind: files
        connection: {{env: RCM_LANDING, default: "{{lakehouse}}/landing"}}
    tables:
"""
TABLES = {
    "transactions": {
        "transaction_id": "line", "encounter_id": "visit", "payer_id": "plan", "payer_group": "plan",
        "payment_source": "case when plan = 'Self-pay' then 'self-pay' else 'insurance' end",
        "procedure_code": "code", "diagnosis_code": "icd", "service_date": "day", "charge_amount": "amount",
        "paid_amount": "paid", "paid_date": "paid_day", "inserted_at": "entered",
    },
    "claims": {
        "claim_id": "claim", "transaction_id": "line", "payer_id": "plan", "claim_status": "status",
        "service_date": "day", "claim_date": "billed", "claim_amount": "amount", "paid_amount": "paid",
        "modified_at": "changed",
    },
    "adjustments": {
        "adjustment_id": "adjustment", "transaction_id": "line", "encounter_id": "visit", "payer_id": "plan",
        "payer_group": "plan", "adjustment_type": "kind", "service_date": "day", "post_date": "posted",
        "adjustment_amount": "amount", "inserted_at": "posted",
    },
}  # fmt: skip
COLUMNS = {
    "transactions": ["line", "visit", "plan", "code", "icd", "day", "amount", "paid", "paid_day", "entered"],
    "claims": ["claim", "line", "plan", "status", "day", "billed", "amount", "paid", "changed"],
    "adjustments": ["adjustment", "line", "visit", "plan", "kind", "day", "posted", "amount"],
}
KEYS = {"transactions": "line", "claims": "claim", "adjustments": "adjustment"}


def declaration(name: str) -> str:
    """A hospital's YAML."""
    text = SYSTEM.format(name=name, label=LABELS[name])
    for table, mapped in TABLES.items():
        text += f"      - name: {table}\n        description: A table.\n        config:\n          meta:\n"
        text += f"            load: {{files: {name}/{table}_*.csv, mode: incremental, key: [{KEYS[table]}]}}\n"
        text += "            map:\n" + "".join(f'              {to}: "{how}"\n' for to, how in mapped.items())
        text += "        columns:\n"
        for column in COLUMNS[table]:
            phi = {"line", "visit", "claim", "adjustment"} & {column}
            config = ", config: {meta: {phi: account_number}}" if phi else ""
            text += f"          - {{name: {column}, data_type: string, description: A column.{config}}}\n"
    return text


def land(warehouse: Warehouse, name: str, hospital: Iterable[Line]) -> None:
    """Write a hospital's files."""
    rows: dict[str, list[list[object]]] = {table: [] for table in TABLES}
    for line in hospital:
        number, visit = f"L{line.number}", f"V{line.number // 2}"
        rows["transactions"].append(
            [number, visit, line.plan, "10010", "I10", line.day, line.amount, line.paid, line.paid_day, line.entered]
        )
        if line.claimed:
            changed = line.paid_day or min(line.claimed + timedelta(days=14), LAST)
            told = 0 if line.status == "denied" else min(line.paid, line.amount)
            rows["claims"].append(
                [f"C{line.number}", number, line.plan, line.status, line.day, line.claimed, line.amount, told, changed]
            )
        for count, (kind, day, amount) in enumerate(line.adjusted):
            rows["adjustments"].append(
                [f"A{line.number}-{count}", number, visit, line.plan, kind, line.day, day, amount]
            )
    folder = warehouse.lakehouse / "landing" / name
    folder.mkdir(parents=True)
    for table, found in rows.items():
        if found:
            with (folder / f"{table}_2024.csv").open("w", newline="") as file:
                csv.writer(file).writerows([COLUMNS[table], *found])


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """All variants, built together with every test of dbt."""
    made = Warehouse(tmp_path_factory.mktemp("variants"))
    listed = "".join(f"      {name}: [transactions, claims, adjustments]\n" for name in NAMES)
    real = (Path(made.project) / "dbt_project.yml").read_text().split("    models/bronze:\n")[1]
    real = real.split("    examples/tutorial:\n")[0]
    project = tmp_path_factory.mktemp("project")
    made = with_project(made, project, ("dbt_project.yml", real, listed))
    for file in (project / "models/bronze").glob("*.yml"):
        file.unlink()
    for name in NAMES:
        (project / f"models/bronze/{name}.yml").write_text(declaration(name))
    for name, hospital in HOSPITALS.items():
        land(made, name, hospital)
    # One hospital comes later: until then the build says that it is missing.
    made.run("rcm", "run", tests=True, expect=1)
    return made


def values(warehouse: Warehouse, hospital: str) -> dict[tuple[object, ...], tuple[object, Decimal | None]]:
    """A hospital's KPIs over the windows of their contracts: unit and value by KPI, month, payer group and split."""
    found = warehouse.query(
        f"""
        select kpi_name, month_key, payer_group, split, unit, kpi_value from gold.kpi_values
        inner join gold.kpi_contracts using (kpi_name, kpi_window) where hospital_name = '{LABELS[hospital]}'
        """
    )
    return {row[:4]: (row[4], row[5]) for row in found}  # type: ignore[misc]


def headline(warehouse: Warehouse, hospital: str, column: str = "kpi_value") -> dict[str, object]:
    """A column of the headline by label."""
    name = LABELS.get(hospital, hospital)
    rows = warehouse.query(f"select kpi_label, {column} from gold.kpi_headline where hospital_name = '{name}'")
    return {str(label): value for label, value in rows}


def test_the_variants_have_what_the_properties_need(warehouse: Warehouse) -> None:
    """Properties of nothing hold always: each KPI of the first hospital has a value."""
    without = {label for label, value in headline(warehouse, "base").items() if value is None}
    assert without == set()
    assert {kind for line in BASE for kind, _, _ in line.adjusted} == {
        "uninsured discount", "charity", "bad debt", "contractual", "denial write-off", "refund"
    }  # fmt: skip
    assert headline(warehouse, "base")["Claim in quarantine"]
    assert headline(warehouse, "base")["Late charges"]


def test_doubled_amounts_double_every_dollar_and_leave_every_ratio(warehouse: Warehouse) -> None:
    base, twice = values(warehouse, "base"), values(warehouse, "doubled")
    assert base.keys() == twice.keys()
    for key, (unit, value) in base.items():
        factor = 2 if unit == "$" else 1
        if value is None:
            assert twice[key][1] is None, key
        else:
            # Net A/R is rounded to the cent before it is divided.
            close = pytest.approx(value * factor, rel=Decimal("0.00001"), abs=Decimal("0.001"))
            assert twice[key][1] == close, key


def test_a_payment_on_another_day_changes_no_charge(warehouse: Warehouse) -> None:
    charged = "select payer_group, month_key, charge_amount, gpsr_amount from gold.fct_patient_revenue_monthly"
    charged += " inner join gold.dim_hospital using (hospital_key) where hospital_name = '{}' order by all"
    base = warehouse.query(charged.format(LABELS["base"]))
    assert base == warehouse.query(charged.format(LABELS["paid_later"]))
    shown, later = values(warehouse, "base"), values(warehouse, "paid_later")
    for name in ("payer_mix", "late_charges", "total_charge_lag", "uncompensated_care", "claim_lag"):
        of_name = {key: value for key, value in shown.items() if key[0] == name}
        assert of_name
        assert of_name == {key: value for key, value in later.items() if key[0] == name}
    assert shown != later


def test_a_slow_hospital_is_left_out_by_name_and_every_column_says_its_day(warehouse: Warehouse) -> None:
    assert set(headline(warehouse, "slow", "as_of_date").values()) == {date(2024, 3, 31)}
    assert set(headline(warehouse, "base", "as_of_date").values()) == {LAST}
    assert headline(warehouse, "slow")["A/R balance"] is not None
    left_out = headline(warehouse, "All hospitals", "left_out")
    members = headline(warehouse, "All hospitals", "members")
    assert left_out["A/R balance"] == "Slow (2024-03-31): 275 days behind"
    counted = [LABELS[name] for name in sorted(HOSPITALS) if name != "slow"]
    assert members["A/R balance"] == ", ".join(f"{name} (2024-12-31)" for name in counted)
    parts = [headline(warehouse, name)["A/R balance"] for name in HOSPITALS if name != "slow"]
    assert headline(warehouse, "All hospitals")["A/R balance"] == sum(parts)  # type: ignore[arg-type]
    # The last build failed: one hospital has not come yet.
    printed = " ".join(warehouse.run("rcm", "status", expect=1).split())
    assert "Slow, 2024-03-31" in printed
    assert "left out: Slow (2024-03-31): 275 days behind" in printed


def test_a_group_number_is_of_those_that_have_it(warehouse: Warehouse) -> None:
    left_out = headline(warehouse, "All hospitals", "left_out")
    assert "Unadjusted (2024-12-31): needs adjustments" in str(left_out["Net collection rate"])
    assert "Unclaimed (2024-12-31): needs claims" in str(left_out["DNFB (proxy)"])
    assert "Young (2024-12-31): less than 3 full months of ledger" in str(left_out["Gross days in A/R"])
    with_feed = [name for name in HOSPITALS if name not in ("slow", "unadjusted")]
    ((numerator, denominator),) = warehouse.query(
        "select sum(numerator), sum(denominator) from gold.kpi_headline where kpi_name = 'charity_care'"
        f" and hospital_name in {tuple(LABELS[name] for name in with_feed)}"
    )
    value = headline(warehouse, "All hospitals")["Charity care"]
    assert value == pytest.approx(numerator * 100 / denominator, abs=Decimal("0.0001"))  # type: ignore[operator]


def test_shares_add_up_though_a_hospital_lacks_payer_groups(warehouse: Warehouse) -> None:
    mixes = warehouse.query(
        "select hospital_name, sum(kpi_value), count(*) from gold.kpi_headline"
        " where kpi_name = 'payer_mix' group by all"
    )
    assert {name: count for name, _, count in mixes}[LABELS["medicaid_only"]] == 1
    assert {name: round(Decimal(str(total)), 2) for name, total, _ in mixes} == dict.fromkeys(
        [*(LABELS[name] for name in HOSPITALS), "All hospitals"], 100
    )


@pytest.mark.parametrize(
    ("hospital", "label", "reason"),
    [
        ("unadjusted", "Net days in A/R (proxy)", "needs adjustments"),
        ("unadjusted", "Net collection rate", "needs adjustments"),
        ("unadjusted", "Cash collection", "needs adjustments"),
        ("unadjusted", "Bad debt", "needs adjustments"),
        ("unclaimed", "DNFB (proxy)", "needs claims"),
        ("unclaimed", "Billed A/R over 90 days", "needs claims"),
        ("unclaimed", "Initial denial rate (proxy)", "needs claims"),
        ("young", "Gross days in A/R", "less than 3 full months of ledger"),
        ("young", "Gross collection rate", "no month is old enough yet"),
    ],
)
def test_an_unknown_is_no_number_and_says_why(warehouse: Warehouse, hospital: str, label: str, reason: str) -> None:
    assert headline(warehouse, hospital)[label] is None
    assert headline(warehouse, hospital, "unknown_reason")[label] == reason
    assert headline(warehouse, hospital, "computability")[label] is None
    assert headline(warehouse, "base")[label] is not None


def test_every_value_or_its_reason_is_there(warehouse: Warehouse) -> None:
    assert (
        warehouse.query("select 1 from gold.kpi_values where (kpi_value is null) <> (unknown_reason is not null)") == []
    )
    silent = "select 1 from gold.kpi_values where kpi_value is not null and members is null"
    assert warehouse.query(silent) == []


def test_what_waits_for_its_claim_is_owed_and_net_is_within_gross(warehouse: Warehouse) -> None:
    owed = warehouse.query(
        """
        with balances as (
            select lines.unbilled_line_key, max(lines.unbilled_amount) as unbilled_amount,
                sum(events.ar_delta_amount) as balance_amount
            from gold.fct_unbilled_lines_monthly as lines
            inner join gold.fct_ar_events as events
                on lines.transaction_key = events.transaction_key and lines.payer_group = events.payer_group
                and events.post_date <= lines.as_of_date
            group by all)
        select count(*), count(*) filter (where unbilled_amount > balance_amount) from balances
        """
    )
    assert owed[0][0]
    assert owed[0][1] == 0
    net = "select count(*), count(*) filter (where net_ar_amount > ar_amount or npsr_amount > gpsr_amount)"
    ((rows, above),) = warehouse.query(f"{net} from gold.kpi_net_days_in_ar where npsr_amount is not null")
    assert (bool(rows), above) == (True, 0)


def test_a_settled_account_is_in_no_work_list(warehouse: Warehouse) -> None:
    settled = "(select account_key from (select account_key, sum(ar_delta_amount) as amount from gold.fct_ar_events"
    settled += " group by account_key, payer_group) group by account_key having max(abs(amount)) = 0)"
    assert warehouse.query(f"select count(*) > 0 from {settled}") == [(True,)]
    for work in (
        "gold.rpt_timely_filing inner join gold.fct_transactions using (transaction_key)",
        "gold.rpt_open_claims inner join gold.fct_claims using (claim_key) inner join gold.fct_transactions"
        " using (transaction_key)",
        "gold.fct_unbilled_lines_monthly inner join gold.dim_ledger_month using (hospital_key, month_key)",
    ):
        latest = " and is_latest" if "unbilled" in work else ""
        assert warehouse.query(f"select count(*) > 0 from {work} where true{latest}") == [(True,)], work
        assert warehouse.query(f"select 1 from {work} where account_key in {settled}{latest}") == [], work


def test_an_added_hospital_changes_no_other(warehouse: Warehouse) -> None:
    """The last test of the module: it builds again."""
    before = {name: values(warehouse, name) for name in HOSPITALS}
    group = headline(warehouse, "All hospitals")["A/R balance"]
    land(warehouse, ADDED, [doubled(line) for line in BASE])
    warehouse.run("rcm", "run", tests=True)
    assert {name: values(warehouse, name) for name in HOSPITALS} == before
    added = headline(warehouse, ADDED)["A/R balance"]
    assert headline(warehouse, "All hospitals")["A/R balance"] == group + added  # type: ignore[operator]
