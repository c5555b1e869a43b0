"""The dialect of a source as it is declared: what is accepted and refused, and who overrides whom."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.base.errors import SpecError
from ingestion.declared.dialect import DateBounds, DialectSpec
from ingestion.declared.specs import SystemSpec
from ingestion.sources.control_table import load_systems
from tests.python.ingestion.conftest import CLAIMS, Project, source

ROOT = Path(__file__).resolve().parents[3]


def declared(
    project: Project, system: object = None, table: object = None, usual: object = None, short: object = None
) -> SystemSpec:
    """The source of claims under these dialects: the system's, the table's, the project's, a table's date_format."""
    claims, payer = deepcopy(CLAIMS), source("payer", "files", "TEST_LANDING", "{lakehouse}/landing", [])
    meta: dict[str, Any] = claims["config"]["meta"]
    meta |= {"dialect": table} if table is not None else {}
    meta |= {"date_format": short} if short is not None else {}
    payer["config"]["meta"] |= {"dialect": system} if system is not None else {}
    payer["tables"] = [claims]
    project.declare([payer])
    if usual is not None:
        path = project.root / "dbt_project.yml"
        document = yaml.safe_load(path.read_text())
        document["vars"]["dialect"] = usual
        path.write_text(yaml.safe_dump(document))
    [spec] = load_systems(project.root, Path("models/bronze"))
    return spec


def test_a_table_overrides_its_system_and_that_the_project_key_by_key(project: Project) -> None:
    system = declared(
        project,
        usual={"time_zone": "UTC", "number_format": None, "null_words": ["NULL"], "century_pivot": 68},
        system={"time_zone": "America/New_York", "date_format": "M/d/yy", "number_format": "1.234,56"},
        table={"date_format": ["d.M.yyyy", "yyyyMMdd"], "sentinel_dates": ["9999-12-31", "1900-01-01"]},
    )

    assert system.tables[0].dialect == DialectSpec(
        null_words=("NULL",),
        sentinel_dates=("9999-12-31", "1900-01-01"),
        number_format="1.234,56",
        date_format=("d.M.yyyy", "yyyyMMdd"),
        century_pivot=68,
        time_zone="America/New_York",
    )
    assert system.dialect.date_format == ("M/d/yy",)


def test_bounds_of_dates_are_overridden_one_by_one(project: Project) -> None:
    system = declared(
        project,
        usual={
            "date_bounds": {"service_date": {"years_before": 20, "days_after": 0}, "paid_date": {"years_before": 20}}
        },
        system={"date_bounds": {"service_date": {"years_before": 5}}},
        table={"ledger_begins": "2015-01-01", "date_bounds": {"paid_date": {"days_after": 1}}},
    )

    assert system.tables[0].dialect == DialectSpec(
        date_bounds={
            "service_date": DateBounds(years_before=5, days_after=0),
            "paid_date": DateBounds(years_before=20, days_after=1),
        },
        ledger_begins="2015-01-01",
    )


def test_the_short_form_of_a_date_format(project: Project) -> None:
    assert declared(project, {"date_format": "M/d/yy"}, short="d/M/yyyy").tables[0].dialect.date_format == ("d/M/yyyy",)

    with pytest.raises(SpecError, match=r"date_format: is said in dialect\.date_format too; keep that one"):
        declared(project, table={"date_format": "M/d/yy"}, short="d/M/yyyy")


def test_a_sentinel_may_be_a_date_of_yaml(project: Project) -> None:
    dialect = yaml.safe_load("{sentinel_dates: [2999-01-01, '0000-00-00']}")

    assert declared(project, dialect).dialect.sentinel_dates == ("2999-01-01", "0000-00-00")


@pytest.mark.parametrize(
    ("dialect", "says"),
    [
        ({"time_zone": "EST"}, "time_zone: is no time zone; write its IANA name, as America/New_York, or UTC"),
        ({"time_zone": "America/Gotham"}, "time_zone: is no time zone; write its IANA name"),
        ({"time_zone": "../../etc/passwd"}, "time_zone: is no time zone"),
        ({"number_format": "1234.56"}, "number_format: is none of '1,234.56', '1.234,56'"),
        ({"null_words": [None]}, "null_words.0: is not text; quote it"),
        ({"null_words": "NULL"}, "null_words: is not a list"),
        ({"sentinel_dates": ["31.12.9999"]}, "sentinel_dates.0: is no date; write yyyy-MM-dd"),
        ({"date_format": "MM/YYYY/dd"}, "date_format.0: holds what is no part of a date; use yyyy, yy"),
        ({"date_format": "MM/yyyy"}, "date_format.0: needs a day (d or dd), once"),
        ({"date_format": []}, "date_format: is empty; name at least one"),
        ({"timestamp_format": "HH:mm"}, "timestamp_format.0: needs a year (yyyy or yy), once"),
        ({"century_pivot": 1968}, "century_pivot: "),
        (
            {"date_bounds": {"servic_date": {"years_before": 5}}},
            "date_bounds.servic_date.[key]: is none of 'birth_date'",
        ),
        ({"date_bounds": {"paid_date": {"years": 5}}}, "date_bounds.paid_date.years: is no key of the control table"),
        ({"ledger_begins": "2015"}, "ledger_begins: is no date; write yyyy-MM-dd"),
        ({"timezone": "UTC"}, "timezone: is no key of the control table; check its spelling"),
        (["UTC"], "dialect: is no mapping of keys"),
    ],
)
def test_a_dialect_that_is_wrong_is_one_line(project: Project, dialect: object, says: str) -> None:
    for place, given in (
        ("sources.yml: payer: config.meta.dialect.", {"system": dialect}),
        ("sources.yml: payer.claims: dialect.", {"table": dialect}),
        ("dbt_project.yml: vars.dialect.", {"usual": dialect}),
    ):
        with pytest.raises(SpecError) as caught:
            declared(project, **given)
        lines = caught.value.problems
        assert len([line for line in lines if "dialect" in line]) == 1
        assert lines[0].startswith((place + says, place.removesuffix("dialect.") + says))


def test_the_project_says_every_key() -> None:
    usual = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]["dialect"]

    assert set(usual) == set(DialectSpec.model_fields)
    DialectSpec.model_validate(usual)
