"""Every statement of a first and of a later build is Databricks SQL, as far as a parser can tell."""

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.python.databricks.conftest import Recording, databricks_environment
from tests.python.databricks.recorded_catalog import DIALECT, Catalog
from tests.python.lakehouses import PROJECT

# What sqlglot has no words for and Databricks documents: read here, so that nothing passes unread.
DOCUMENTED = (
    r"alter table `\w+`\.`\w+`\.`\w+`\s+alter column `\w+`\s+set mask `\w+`\.governance\.mask_\w+",
    r"alter table `\w+`\.`\w+`\.`\w+`\s+alter column `\w+`\s+set tags \('phi' = '\w+'\)",
    r"show grants on (schema )?`\w+`\.`\w+`(\.`\w+`)?",
    r"show (schemas in `\w+`|tblproperties `\w+`\.`\w+`\.`\w+`)",
    r"optimize `\w+`\.`\w+`\.`\w+`",
    r"list 'abfss://[^']+'",
)
QUOTED_OR_COMMENT = re.compile(r"--[^\n]*|'(?:[^'\\]|\\.)*'", re.DOTALL)
# Functions of Databricks that sqlglot does not know.
KNOWN = {"is_account_group_member"}
# Words of other engines that a parser lets pass, and what they mean here.
FOREIGN = {
    '"': "a string literal in Databricks, an identifier elsewhere",
    "delta_scan": "a function of DuckDB",
    "getvariable": "a function of DuckDB",
    "quantile_cont": "a function of DuckDB",
    "regexp_matches": "a function of DuckDB",
    "strptime": "a function of DuckDB",
    "${spark.": "replaced by Spark, not by a warehouse",
}


@pytest.fixture(scope="module")
def statements(recording: Recording) -> list[str]:
    # The seeds' values are bound, not written.
    return sorted({statement.sql.replace("%s", "?") for statement in recording.statements})


def test_the_project_parses_without_a_deprecation(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "dbt", "--quiet", "parse", "--show-all-deprecations", "--warn-error"],
        cwd=PROJECT,
        env=databricks_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_every_statement_is_read(statements: list[str]) -> None:
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    assert list(unread(statements)) == []


def unread(statements: list[str]) -> Iterator[str]:
    """Statements that are no Databricks SQL."""
    for sql in statements:
        try:
            parsed = sqlglot.parse(sql, read=DIALECT)
        except sqlglot.errors.ParseError as error:
            yield f"{sql[:300]}: {error}"
            continue
        known = any(re.fullmatch(pattern, sql.strip(), re.IGNORECASE) for pattern in DOCUMENTED)
        if any(isinstance(part, exp.Command) for part in parsed) and not known:
            yield sql[:300]


def test_no_function_is_unknown_and_no_word_is_of_another_engine(statements: list[str]) -> None:
    assert list(foreign(statements)) == []


def foreign(statements: list[str]) -> Iterator[str]:
    """Words of other engines, and functions that sqlglot does not know in Databricks SQL."""
    for sql in statements:
        bare = QUOTED_OR_COMMENT.sub("", sql).lower()
        yield from (f"{word}: {meaning}: {sql[:300]}" for word, meaning in FOREIGN.items() if word in bare)
        if bare.lstrip().startswith(("select", "with", "create", "merge", "insert")):
            for function in sqlglot.parse_one(sql, read=DIALECT).find_all(exp.Anonymous):
                if function.name.lower() not in KNOWN:
                    yield f"{function.name} is unknown: {sql[:300]}"


def test_what_is_not_databricks_sql_is_caught() -> None:
    assert list(unread(["select a from from b", "vacuum everything"]))
    assert list(foreign(['select "a" from b', "select strptime(a, '%Y') from b", "select list_aggr(a) from b"]))
    assert not list(foreign(["select '\"' as a from b -- \"", "select lower(a) from b"]))


def test_a_column_that_does_not_resolve_ends_the_build() -> None:
    catalog = Catalog(loaded={}, relations={("silver", "a"): {"key": "string"}})
    catalog.execute("create or replace view `rcm_dev`.`silver`.`b` as (select key from `rcm_dev`.`silver`.`a`)")
    assert catalog.relations["silver", "b"] == {"key": "string"}
    with pytest.raises(sqlglot.errors.OptimizeError, match="typo"):
        catalog.execute("create or replace view `rcm_dev`.`silver`.`c` as (select typo from `rcm_dev`.`silver`.`a`)")


def test_both_branches_of_every_incremental_model_and_snapshot_were_built(recording: Recording) -> None:
    nodes = recording.manifest["nodes"].values()
    kept = [
        node["name"]
        for node in nodes
        if node["resource_type"] == "snapshot" or node["config"].get("materialized") == "incremental"
    ]
    assert len(kept) > 20
    for name in kept:
        assert "create or replace table" in recording.of(name, build=0), name
        later = recording.of(name, build=1)
        assert "create or replace table" not in later, name
        assert re.search(r"^\s*(merge|insert)\s+into", later, re.MULTILINE | re.IGNORECASE), name


def test_every_model_snapshot_seed_and_test_was_sent(recording: Recording) -> None:
    sent = {statement.node for statement in recording.statements}
    built = {
        unique_id
        for unique_id, node in recording.manifest["nodes"].items()
        if node["resource_type"] in ("model", "snapshot", "seed", "test")
        and node["config"]["materialized"] != "ephemeral"
    }
    assert built - sent == set()


def test_every_relation_has_three_names(recording: Recording) -> None:
    for statement in recording.statements:
        if statement.node is None:
            continue
        for relation in re.findall(r"(?:from|join|into|table) (`\w+`(?:\.`\w+`)*)", statement.sql):
            assert relation.count(".") == 2 or relation.endswith("__dbt_tmp`"), relation
            assert relation.count(".") != 2 or relation.startswith(("`rcm_dev`.", "`system`.")), relation


def test_bronze_is_registered_and_what_was_never_loaded_is_empty(recording: Recording) -> None:
    relations, views = recording.catalog["relations"], recording.catalog["views"]
    assert "bronze_hospital_a.patients" in relations
    assert "bronze_hospital_a.patients" not in views
    assert "bronze_cpt.procedures" in views
    assert {"audit.load_log", "ledger.month_close"} <= set(relations)


def test_clustering_keys_are_declared_and_have_statistics(recording: Recording) -> None:
    """Delta keeps statistics of a table's first 32 columns and refuses to cluster by another."""
    clustered = {
        f"{node['schema']}.{node['name']}": node["config"]["liquid_clustered_by"]
        for node in recording.manifest["nodes"].values()
        if node["config"].get("liquid_clustered_by")
    }
    assert {"silver.stg_transactions", "history.transactions_history", "gold.fct_ar_events"} <= set(clustered)
    for place, keys in clustered.items():
        first = list(recording.catalog["relations"][place])[:32]
        assert set([keys] if isinstance(keys, str) else keys) <= set(first), place
        assert "CLUSTER BY (" in recording.of(place.split(".")[1], build=0), place
