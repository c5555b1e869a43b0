"""Words and keys of a source as they are declared: what is accepted and refused, and who overrides whom."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.base.errors import SpecError
from ingestion.declared.dialect import KeysSpec
from ingestion.declared.specs import SystemSpec
from ingestion.sources.control_table import load_systems
from tests.python.ingestion.conftest import Project, source

ROOT = Path(__file__).resolve().parents[3]
CHARGES: dict[str, Any] = {
    "name": "transactions",
    "config": {
        "meta": {
            "load": {"files": "charges/*.csv", "mode": "incremental", "key": ["line"]},
            "map": {"transaction_id": "line"},
        }
    },
    "columns": [{"name": "line", "data_type": "string"}],
}


@pytest.fixture
def hospital(project: Project) -> Project:
    """A project with the common data model of this one."""
    (project.root / "models" / "silver").mkdir(parents=True)
    for folder in ("staging", "cdm"):
        (project.root / "models" / "silver" / folder).symlink_to(ROOT / "models" / "silver" / folder)
    return project


def declared(project: Project, system: object = None, table: object = None, **meta: object) -> SystemSpec:
    """A hospital's charge lines under these dialects."""
    charges = deepcopy(CHARGES)
    charges["config"]["meta"] |= meta | ({"dialect": table} if table is not None else {})
    clinic = source("clinic", "files", "TEST_LANDING", "{lakehouse}/landing", [charges])
    clinic["config"]["meta"] |= {"dialect": system} if system is not None else {}
    project.declare([clinic])
    path = project.root / "dbt_project.yml"
    document = yaml.safe_load(path.read_text())
    document["vars"]["event_types"] = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]["event_types"]
    path.write_text(yaml.safe_dump(document))
    [spec] = load_systems(project.root, Path("models/bronze"))
    return spec


def test_a_table_adds_to_the_words_and_keys_of_its_system(hospital: Project) -> None:
    spec = declared(
        hospital,
        {
            "keys": {"case": "fold", "spaces": "exact"},
            "words": {"payer_group": {"Medicare": "Medicare Advantage"}, "sex": {"other": ["nb"]}},
        },
        {"keys": {"case": "exact"}, "words": {"payment_source": {"patient": ["Copayment"]}}},
    ).tables[0]

    assert spec.dialect.keys == KeysSpec(case="exact", spaces="exact")
    assert spec.dialect.words == {
        "payer_group": {"Medicare": ("Medicare Advantage",)},
        "sex": {"other": ("nb",)},
        "payment_source": {"patient": ("Copayment",)},
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"payer_grup": {"Medicare": ["M"]}}, "words.payer_grup: has no list of words; did you mean payer_group?"),
        (
            {"first_name": {"x": ["y"]}},
            "words.first_name: has no list of words; there are adjustment_type, claim_status,",
        ),
        (
            {"payer_group": {"medicare": ["M"]}},
            "words.payer_group.medicare: is no word of payer_group; did you mean Medicare?",
        ),
        (
            {"payer_group": {"Insurance": ["M"]}},
            "words.payer_group.Insurance: is no word of payer_group; there are Commercial,",
        ),
        (
            {"payer_group": {"Medicare": ["M"], "Medicaid": ["m"]}},
            "words.payer_group.Medicare: M means Medicaid already; a word has one meaning",
        ),
        (
            {"payment_source": {"patient": ["In-surance"]}},
            "words.payment_source.patient: In-surance means insurance already; a word has one meaning",
        ),
        (
            {"adjustment_type": {"ADJ_CHARTIY": ["gift"]}},
            "words.adjustment_type.ADJ_CHARTIY: is no word of adjustment_type; did",
        ),
    ],
)
def test_words_that_mean_nothing_are_one_line_with_the_nearest_name(
    hospital: Project, words: dict[str, object], says: str
) -> None:
    for place, given in (
        ("config.meta.dialect.", {"system": {"words": words}}),
        ("dialect.", {"table": {"words": words}}),
    ):
        with pytest.raises(SpecError) as caught:
            declared(hospital, **given)
        [line] = caught.value.problems
        assert f": {place}{says}" in line


@pytest.mark.parametrize(
    ("dialect", "says"),
    [
        ({"keys": {"case": "ignore"}}, "keys.case: is none of 'hold', 'fold' or 'exact'"),
        ({"keys": {"casing": "fold"}}, "keys.casing: is no key of the control table; check its spelling"),
        ({"keys": "fold"}, "keys: "),
        ({"words": {"payer_group": {"Medicare": [1]}}}, "words.payer_group.Medicare.0: is not text; quote it"),
        ({"words": {"payer_group": {"Medicare": []}}}, "words.payer_group.Medicare: is empty; name at least one"),
        ({"words": {"payer_group": ["Medicare"]}}, "words.payer_group: "),
    ],
)
def test_a_declaration_of_another_shape_is_one_line(hospital: Project, dialect: object, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        declared(hospital, dialect)
    [line] = caught.value.problems
    assert f"clinic: config.meta.dialect.{says}" in line


def test_the_limit_of_unknown_words_is_one_of_the_tables(hospital: Project) -> None:
    assert declared(hospital, limits={"payer_group_word_unknown": 0.1}).tables[0].limits == {
        "payer_group_word_unknown": 0.1
    }
    with pytest.raises(SpecError, match=r"limits\.payer_word_unknown: is no relation"):
        declared(hospital, limits={"payer_word_unknown": 0.1})
