"""Values are read in the dialect of their source: hospitals that write them in their own way, loaded and built once.

Each row says in its line number what it is about. Every hospital has charge lines only, and one has patients, too.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.python.lakehouses import DBT_PARTS, PROJECT, Warehouse
from tests.python.pipeline.charge_lines import MAP as CHARGE_LINES

# What the tests look at, and no more: a build of everything takes three times as long.
READ = ["+fct_ar_events", "+dq_rule_results", "+dq_batch_reconciliation", "+stg_patients"]
TODAY = datetime.now(UTC).date()
RECENT = TODAY - timedelta(days=40)
TRANSACTIONS = CHARGE_LINES | {"inserted_at": "created"}
COLUMNS = list(TRANSACTIONS.values())
PATIENTS = {"patient_id": "mrn", "first_name": "first", "last_name": "last", "birth_date": "born", "sex": "sex"}


def line(name: str, **values: object) -> dict[str, object]:
    """A charge line of 100.00 that nobody has paid, but for what it is about."""
    usual = {
        "visit": f"V-{name}",
        "mrn": "M-1",
        "payer": "P-1",
        "plan": "Commercial",
        "payer_kind": "Insurance",
        "code": "99213",
        "icd": "I10",
        "day": RECENT,
        "amount": "100.00",
        "paid": "0.00",
        "paid_day": "",
        "created": "",
        "updated": "",
    }
    return {"line": name, **usual, **values}


# Amounts of a source that says nothing about its numbers, and what they are; None cannot be read.
AMOUNTS = {
    "plain": ("1234.5", "1234.50"),
    "grouped": ('"1,234,567.89"', "1234567.89"),
    "dollar": ("$12.50", "12.50"),
    "code": ("USD 12.50", "12.50"),
    "brackets": ("(12.50)", "-12.50"),
    "trailing minus": ("12.50-", "-12.50"),
    "real minus": ("\u221212.50", "-12.50"),
    "blank behind": ("12.50\u00a0", "12.50"),
    "null word": ("NULL", ""),
    "decimal comma": ('"12,50"', None),
    "both": ('"1.234,56"', None),
    "broken group": ('"12,34,567"', None),
    "scientific": ("1.23E+05", None),
    "two signs": ("--5", None),
    "text": ("none yet", None),
    "not a number": ("NaN", None),
    "endless": ("Infinity", None),
    "too long": ("12345678901234567890", None),
}
# Days of the same source.
DAYS = {
    "midnight": (f"{RECENT} 00:00:00", RECENT),
    "midnight iso": (f"{RECENT}T00:00:00.000", RECENT),
    "epoch": ("epoch", None),
    "infinity": ("infinity", None),
    "now": ("now", None),
    "today": ("today", None),
    "garbage": (f"{RECENT}garbage", None),
    "remark": (f"{RECENT} (est.)", None),
    "time of day": (f"{RECENT} 22:30:00", None),
    "offset": (f"{RECENT}T22:30:00-04:00", None),
    "24 o'clock": (f"{RECENT} 24:00", None),
    "month only": (f"{RECENT:%Y-%m}", None),
    "no such day": ("2026-02-30", None),
    "other format": (f"{RECENT:%m/%d/%Y}", None),
    "year 12": ("12-01-02", None),
    "serial number": ("46300", None),
}
MOMENTS = {
    "plain": ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
    "minutes": ("2026-01-02T03:04", datetime(2026, 1, 2, 3, 4)),
    "day only": ("2026-01-02", datetime(2026, 1, 2)),
    "fraction": ("2026-01-02 03:04:05.250", datetime(2026, 1, 2, 3, 4, 5, 250_000)),
    "zulu": ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5)),
    "offset": ("2026-01-02 22:30:00-04:00", datetime(2026, 1, 3, 2, 30)),
    "short offset": ("2026-01-02 22:30-04", datetime(2026, 1, 3, 2, 30)),
    "half hour": ("2026-01-02T03:04:05+0530", datetime(2026, 1, 1, 21, 34, 5)),
    "24 o'clock": ("2026-01-02 24:00:00", None),
    "no such hour": ("2026-01-02 25:00", None),
    "text behind": ("2026-01-02 03:04:05 EST", None),
    "now": ("now", None),
}
PLAIN = [
    *(line(f"amount {name}", amount=text) for name, (text, _) in AMOUNTS.items()),
    *(line(f"day {name}", day=text) for name, (text, _) in DAYS.items()),
    *(line(f"moment {name}", updated=text) for name, (text, _) in MOMENTS.items()),
    *(line(f"third decimal {number}", amount="10.005") for number in range(10)),
    line("binary noise", amount="616.8699951171875"),
    line("not paid 9999", amount="1000.00", paid_day="9999-12-31"),
    line("not paid 1800", amount="1000.00", paid_day="1800-12-31 00:00:00"),
    line("not paid 0000", amount="1000.00", paid_day="0000-00-00"),
    line("not paid null", amount="1000.00", paid_day="(null)"),
    line("paid 1900", amount="500.00", paid="100.00", paid_day="1900-01-01"),
    line("paid in future", amount="500.00", paid="100.00", paid_day=TODAY + timedelta(days=400)),
    line("paid before service", amount="500.00", paid="100.00", paid_day=RECENT - timedelta(days=900)),
    line("paid ahead", amount="500.00", paid="100.00", paid_day=RECENT - timedelta(days=90)),
    line("served 1900", amount="60.00", day="1900-01-01"),
    line("served 1925", amount="60.00", day="1925-01-02"),
    line("served 1970", amount="60.00", day="1970-01-01"),
    line("served tomorrow", amount="60.00", day=TODAY + timedelta(days=2)),
    line("never served", amount="60.00", day="9999-12-31"),
    line("created 1900", paid="40.00", paid_day=RECENT, created="1900-01-01 00:00:00"),
    line("updated 2099", updated="2099-01-01 00:00:00"),
]
EURO_DAY = f"{RECENT.day}.{RECENT.month}.{RECENT.year}"
EURO = {
    "1.234": "1234.00",
    "12.500": "12500.00",
    "1.234.567": "1234567.00",
    "45.678": "45678.00",
    "1.234,56": "1234.56",
    "0,5": "0.50",
    "-7": "-7.00",
    "12,50-": "-12.50",
    "\u20ac 12,50": "12.50",
    "10,005": "10.01",
    "1234.56": None,
    "1,234.56": None,
    "12.34": None,
}
SPACES = {"1\u202f234,50": "1234.50", "1\u00a0234": "1234.00", "12 34": None, "1.234": None}
SWISS = {"1'234.50": "1234.50", "1\u2019234": "1234.00", "1,234": None}
PLAIN_ONLY = {"1234.50": "1234.50", "1,234.50": None}
# Texts of M/d/yy, as date and as moment; two-digit years.
SLASHES = {
    "1/2/12": (date(2012, 1, 2), datetime(2012, 1, 2)),
    "01/02/12": (date(2012, 1, 2), datetime(2012, 1, 2)),
    "1/2/12 3:04 PM": (None, datetime(2012, 1, 2, 15, 4)),
    "1/2/12 12:00:00 AM": (date(2012, 1, 2), datetime(2012, 1, 2)),
    "1/2/12 12:30 pm": (None, datetime(2012, 1, 2, 12, 30)),
    "1/2/12 0:00": (date(2012, 1, 2), datetime(2012, 1, 2)),
    "1/2/12 13:30 PM": (None, None),
    "1/2/12 15:04:05.5": (None, datetime(2012, 1, 2, 15, 4, 5, 500_000)),
    "1/2/12 22:30-04:00": (None, datetime(2012, 1, 3, 2, 30)),
    "2012-01-02 03:04:05": (None, datetime(2012, 1, 2, 3, 4, 5)),
    "1/2/2012": (None, None),
    "13/2/12": (None, None),
    "2/30/12": (None, None),
    "1/2": (None, None),
}
# The second format of that hospital.
COMPACT = {"20120102": date(2012, 1, 2), "2012010": None, "2-Jan-12": date(2012, 1, 2), "2-Foo-12": None}
BIRTHS = {
    "3/14/61": date(1961, 3, 14),
    "3/14/24": date(2024, 3, 14),
    "12/31/99": date(1999, 12, 31),
    f"{TODAY + timedelta(days=1):%-m/%-d/%y}": (TODAY + timedelta(days=1)).replace(
        year=(TODAY + timedelta(days=1)).year - 100
    ),
}


def system(
    name: str, tables: dict[str, dict[str, str]], dialect: dict[str, Any] | None, **meta: object
) -> dict[str, Any]:
    """A hospital of the control table that sends files."""
    usual: dict[str, Any] = {
        "label": name.title(),
        "kind": "files",
        "connection": {"env": "RCM_LANDING", "default": "{lakehouse}/landing"},
    }
    return {
        "name": name,
        "description": "A hospital of these tests.",
        "schema": f"bronze_{name}",
        "config": {"meta": usual | ({"dialect": dialect} if dialect else {}) | meta},
        "tables": [
            {
                "name": table,
                "description": "Its rows.",
                "config": {
                    "meta": {
                        "load": {
                            "files": f"{name}/{table}_*.csv",
                            "mode": "incremental",
                            "key": [next(iter(columns.values()))],
                        },
                        "map": columns,
                        # Most of what is tried is held back, which would keep the rest waiting.
                        "quarantine": {"limit": 1},
                    }
                },
                "columns": [{"name": column, "data_type": "string"} for column in columns.values()],
            }
            for table, columns in tables.items()
        ],
    }


def declare(project: Path, systems: Sequence[dict[str, Any]]) -> None:
    """Make these the hospitals of a copy of the project, and the only ones."""
    for file in (project / "models" / "bronze").glob("*.yml"):
        file.unlink()
    for entry in systems:
        text = yaml.safe_dump({"version": 2, "sources": [entry]}, sort_keys=False, allow_unicode=True)
        (project / "models" / "bronze" / f"{entry['name']}.yml").write_text(text)
    listed = "".join(
        f"      {entry['name']}: [{', '.join(table['name'] for table in entry['tables'])}]\n" for entry in systems
    )
    path = project / "dbt_project.yml"
    before, mark, after = path.read_text().partition("    models/bronze:\n")
    path.write_text(before + mark + listed + after[after.index("    examples/tutorial:") :])


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, object]], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [delimiter.join(columns), *(delimiter.join(str(row[column]) for column in columns) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """All hospitals, loaded and built."""
    project = tmp_path_factory.mktemp("project")
    for part in DBT_PARTS:
        shutil.copytree(PROJECT / part, project / part, ignore=shutil.ignore_patterns("__pycache__", "python"))
    shutil.copy(PROJECT / "dbt_project.yml", project)
    lakehouse = tmp_path_factory.mktemp("lakehouse")
    landing = lakehouse / "landing"
    charges = {"transactions": TRANSACTIONS}
    bank = system("bank", charges, None, kind="database", connection={"env": "RCM_BANK_URL"})
    load = {"object": "charges", "mode": "full", "key": ["line"]}
    bank["tables"][0]["config"]["meta"]["load"] = load
    types = {
        "amount": "decimal(18,2)",
        "paid": "decimal(18,4)",
        "day": "date",
        "paid_day": "date",
        "updated": "timestamp",
    }
    for column in bank["tables"][0]["columns"]:
        column["data_type"] = types.get(column["name"], "string")
    declare(
        project,
        [
            system("plain", charges, None),
            system("euro", charges, {"number_format": "1.234,56", "date_format": "d.M.yyyy"}),
            system("spaces", charges, {"number_format": "1 234,56"}),
            system("swiss", charges, {"number_format": "1'234.56"}),
            system("bare", charges, {"number_format": "plain"}),
            system(
                "slashes",
                charges | {"patients": PATIENTS},
                {
                    "date_format": ["M/d/yy", "yyyyMMdd", "d-MMM-yy"],
                    "date_bounds": {"service_date": {"years_before": 60}},
                },
            ),
            system(
                "wordy",
                charges,
                {
                    "null_words": ["N/A", "none", "\\N"],
                    "sentinel_dates": ["1900-01-01", "2999-12-31"],
                    "timestamp_format": "yyyyMMdd HHmmss",
                    "ledger_begins": RECENT - timedelta(days=100),
                },
            ),
            bank,
        ],
    )
    commas = [row for row in PLAIN if row["line"] in ("amount decimal comma", "amount both")]
    write_csv(landing / "plain" / "transactions_2.csv", COLUMNS, commas)
    # Beside those, 10.005 would be doubtful.
    write_csv(landing / "plain" / "transactions_1.csv", COLUMNS, [row for row in PLAIN if row not in commas])
    for name, texts, delimiter in (
        ("euro", EURO, ";"),
        ("spaces", SPACES, ";"),
        ("swiss", SWISS, ";"),
        ("bare", PLAIN_ONLY, ";"),
    ):
        day = EURO_DAY if name == "euro" else RECENT
        rows = [line(f"L{number}", day=day, amount=text, paid="") for number, text in enumerate(texts)]
        write_csv(landing / name / "transactions_1.csv", COLUMNS, rows, delimiter)
    slashes = [line(text, day=text, updated=text) for text in SLASHES]
    compact = [line(text, day=text, updated="") for text in COMPACT]
    write_csv(landing / "slashes" / "transactions_1.csv", COLUMNS, [*slashes, *compact])
    people: list[dict[str, object]] = [
        {"mrn": text, "first": "Ada", "last": "Null", "born": text, "sex": "F"} for text in BIRTHS
    ]
    write_csv(landing / "slashes" / "patients_1.csv", list(PATIENTS.values()), people)
    wordy = [
        line("no payer", payer="n/a", paid_day="NONE", paid="\\N"),
        line("usual word", paid_day="NULL"),
        line("sentinels", paid_day="1900-01-01"),
        line("usual sentinel", paid_day="9999-12-31"),
        line("moment", updated="20260102 030405"),
        line("iso moment", updated="2026-01-02 03:04:05"),
        line("before the hospital", day=RECENT - timedelta(days=101)),
        line("paid before the hospital", paid="10.00", paid_day=RECENT - timedelta(days=101)),
    ]
    write_csv(landing / "wordy" / "transactions_1.csv", COLUMNS, wordy)
    with closing(sqlite3.connect(lakehouse / "bank.db")) as connection, connection:
        connection.execute(f"create table charges ({', '.join(COLUMNS)})")
        rows = [line(f"four decimals {number}", amount=10.0049, paid=0) for number in range(100)]
        rows += [line("noise", amount=616.8699951171875, paid=0), line("longer column", amount=5, paid="1.0051")]
        rows += [line("not paid", paid_day="9999-12-31"), line("never", updated="1753-01-01 00:00:00")]
        values = [
            [None if row[column] == "" else str(row[column]) if column == "day" else row[column] for column in COLUMNS]
            for row in rows
        ]
        connection.executemany(f"insert into charges values ({', '.join('?' * len(COLUMNS))})", values)
    warehouse = Warehouse(lakehouse, {"RCM_BANK_URL": f"sqlite:///{lakehouse}/bank.db"}, project)
    warehouse.run("rcm", "ingest")
    warehouse.run("dbt", "build", "--select", *READ)
    yield warehouse
    shutil.rmtree(project)


def staged(built: Warehouse, source: str, *columns: str) -> dict[str, tuple[Any, ...]]:
    """Columns of a hospital's staged charge lines, by line."""
    rows = built.query(
        f"select transaction_id, {', '.join(columns)} from silver.stg_transactions where source_system = '{source}'"
    )
    return {str(name): tuple(values) for name, *values in rows}


def judged(value: object) -> tuple[str, str | None]:
    """Status and failed rules of a row whose value can, or cannot, be read."""
    return ("rejected", "value_unparseable") if value is None else ("valid", None)


def test_amounts_of_a_source_that_says_nothing(built: Warehouse) -> None:
    found = staged(built, "plain", "charge_amount", "row_status", "_unparsed_columns")

    for name, (_, amount) in AMOUNTS.items():
        charge, status, unparsed = found[f"amount {name}"]
        assert charge == (Decimal(amount) if amount else None), name
        assert (status, unparsed) == (("rejected", "charge_amount") if amount is None else ("valid", "")), name


@pytest.mark.parametrize(
    ("source", "texts"), [("euro", EURO), ("spaces", SPACES), ("swiss", SWISS), ("bare", PLAIN_ONLY)]
)
def test_amounts_in_a_declared_format(built: Warehouse, source: str, texts: dict[str, str | None]) -> None:
    found = staged(built, source, "charge_amount", "_unparsed_columns")

    assert {text: found[f"L{number}"] for number, text in enumerate(texts)} == {
        text: (Decimal(amount), "") if amount else (None, "charge_amount") for text, amount in texts.items()
    }


def test_days_of_a_source_that_says_nothing(built: Warehouse) -> None:
    found = staged(built, "plain", "service_date", "_unparsed_columns")

    assert {name: found[f"day {name}"] for name in DAYS} == {
        name: (day, "" if day else "service_date") for name, (_, day) in DAYS.items()
    }


def test_moments_of_a_source_that_says_nothing(built: Warehouse) -> None:
    found = staged(built, "plain", "modified_at", "_unparsed_columns")

    assert {name: found[f"moment {name}"] for name in MOMENTS} == {
        name: (moment, "" if moment else "modified_at") for name, (_, moment) in MOMENTS.items()
    }


def test_formats_of_dates_read_moments_too(built: Warehouse) -> None:
    found = staged(built, "slashes", "service_date", "modified_at", "_unparsed_columns")

    for name, (day, moment) in SLASHES.items():
        unparsed = [] if day else ["service_date"]
        unparsed += [] if moment else ["modified_at"]
        assert found[name] == (day, moment, ",".join(unparsed)), name
    assert {name: found[name][0] for name in COMPACT} == COMPACT


def test_a_birth_of_two_digits_is_in_the_past(built: Warehouse) -> None:
    births = built.query("select patient_id, birth_date, last_name, row_status from silver.stg_patients")

    assert {name: (born, last, status) for name, born, last, status in births} == {
        name: (born, "Null", "valid") for name, born in BIRTHS.items()
    }


def test_words_sentinels_and_formats_of_its_own_replace_the_usual_ones(built: Warehouse) -> None:
    found = staged(built, "wordy", "payer_id", "paid_date", "paid_amount", "row_status", "_unparsed_columns")

    assert found["no payer"] == (None, None, None, "valid", "")
    assert found["usual word"][3:] == ("rejected", "paid_date")
    assert found["sentinels"] == ("P-1", None, Decimal(0), "valid", "")
    moments = staged(built, "wordy", "modified_at", "_unparsed_columns")
    assert moments["moment"] == (datetime(2026, 1, 2, 3, 4, 5), "")
    assert moments["iso moment"] == (None, "modified_at")


def test_a_date_that_means_not_yet_holds_nothing_back(built: Warehouse) -> None:
    found = staged(built, "plain", "paid_date", "row_status", "failed_rules")

    for name in ("9999", "1800", "0000", "null"):
        assert found[f"not paid {name}"] == (None, "valid", None), name
    assert staged(built, "bank", "paid_date", "row_status", "failed_rules")["not paid"] == (None, "valid", None)
    assert built.query(
        "select sum(ar_delta_amount) from gold.fct_ar_events where transaction_key in (select transaction_key"
        " from silver.cdm_transactions where transaction_id like 'not paid %' and source_system = 'plain')"
    ) == [(Decimal(4000),)]


def test_a_payment_on_an_impossible_day_is_posted_when_it_became_known(built: Warehouse) -> None:
    found = staged(built, "plain", "paid_date", "row_status", "failed_rules")
    rule = "paid_date_out_of_range"

    for name in ("paid 1900", "paid in future", "paid before service"):
        assert found[name] == (None, "valid", rule), name
        posted = built.query(
            "select event_type, post_date, ar_delta_amount from gold.fct_ar_events join silver.cdm_transactions"
            f" using (transaction_key) where transaction_id = '{name}' order by 1"
        )
        assert posted == [
            ("CHARGE", RECENT, Decimal(500)),
            ("PAYMENT_INSURANCE", TODAY, Decimal(-100)),
        ], name
    assert found["paid ahead"] == (RECENT - timedelta(days=90), "valid", "paid_before_service")
    flagged = built.query(f"select sum(rows_failed) from silver.dq_rule_results where rule_name = '{rule}'")
    assert flagged == [(5,)]


def test_a_ledger_does_not_begin_before_its_hospital(built: Warehouse) -> None:
    plain = staged(built, "plain", "row_status", "failed_rules")
    wordy = staged(built, "wordy", "row_status", "failed_rules", "paid_date")
    held = ("quarantined", "service_date_out_of_range")

    for name in ("served 1900", "served 1925", "served 1970", "served tomorrow", "never served"):
        assert plain[name] == held, name
    assert wordy["before the hospital"][:2] == held
    assert wordy["paid before the hospital"] == ("valid", "paid_date_out_of_range", None)
    [[first]] = built.query("select min(post_date) from gold.fct_ar_events where hospital_key = md5('plain')")
    assert first is not None
    [[first]] = built.query(
        "select min(post_date) from gold.fct_ar_events join silver.cdm_transactions using (transaction_key)"
        " where source_system in ('plain', 'wordy')"
    )
    assert isinstance(first, date)
    assert first >= RECENT - timedelta(days=90)


def test_a_clock_that_cannot_be_right_is_no_time(built: Warehouse) -> None:
    found = staged(built, "plain", "inserted_at", "modified_at", "_ingested_at", "row_status", "failed_rules")

    inserted, _, _, *judgement = found["created 1900"]
    assert (inserted, *judgement) == (None, "valid", "inserted_at_out_of_range")
    _, modified, loaded, *judgement = found["updated 2099"]
    assert (modified == loaded, *judgement) == (True, "valid", "modified_at_out_of_range")
    assert built.query("select count(*) from gold.fct_ar_events where year(known_at) < 2000") == [(0,)]


def test_rounding_is_counted_and_summed(built: Warehouse) -> None:
    rules = built.query(
        "select _source_table, sum(rows_failed) from silver.dq_rule_results"
        " where rule_name = 'amount_rounded' group by _source_table"
    )
    counted = {
        "plain.transactions": 10,
        "euro.transactions": 1,
        "spaces.transactions": 0,
        "swiss.transactions": 0,
        "bare.transactions": 0,
        "slashes.transactions": 0,
        "wordy.transactions": 0,
        "bank.transactions": 1,
    }
    assert set(rules) == set(counted.items())
    sums = built.query(
        "select _source_table, rounded_rows, rounded_amount from silver.dq_batch_reconciliation where rounded_rows > 0"
    )
    assert {name: (count, amount) for name, count, amount in sums} == {
        "plain.transactions": (10, Decimal("-0.05")),
        "euro.transactions": (1, Decimal("-0.005")),
        "bank.transactions": (1, Decimal("-0.0049")),
    }
    tenths = staged(built, "plain", "charge_amount")
    assert {tenths[f"third decimal {number}"] for number in range(10)} == {(Decimal("10.01"),)}

    log = built.query(
        f"select system, message from delta_scan('{built.lakehouse}/audit/load_log') where message is not null"
    )
    said = {str(name): str(message) for name, message in log}
    rounded = "amounts have more decimals than are kept and are rounded half up;"
    assert f"column amount: 10 {rounded} 100.05 came, 100.10 is kept, -0.05 is rounded away" in said["plain"]
    assert f"column amount: 100 {rounded} 1000.49 came, 1000.00 is kept, 0.49 is rounded away" in said["bank"]
    assert "column paid: 1 amounts" in said["bank"]
    assert "swiss" not in said
