"""Great Expectations at work on one Parquet file at a time; imported by the worker only, for its weight."""

import glob
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import great_expectations as gx
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.expectations.core.expect_column_values_to_be_of_type import ExpectColumnValuesToBeOfType
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity

from ingestion.bronze.border.duckdb_dialect import URL

# Counts only: no list of unexpected values is asked for, so none can reach a result or a page.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_SEVERITIES = {
    "reject": FailureSeverity.CRITICAL,
    "quarantine": FailureSeverity.WARNING,
    "warn": FailureSeverity.INFO,
}
_RESULTS = "results"
_SITE = "site"


class NotEvaluatedError(Exception):
    """An expectation could not be evaluated; the text names it and its column."""


class ExpectColumnTypeToBe(ExpectColumnValuesToBeOfType):
    """Expect the exact type of a column: the inherited check knows DECIMAL, but not DECIMAL(18,2)."""

    def _validate_sqlalchemy(
        self, actual_column_type: object, expected_type: str, *_: object, **__: object
    ) -> dict[str, Any]:
        observed = str(actual_column_type)
        return {"success": observed == expected_type, "result": {"observed_value": observed}}


class Validator:
    """Validates batches, keeps their results as files and builds the Data Docs from them.

    Args:
        folder: Where ``results/`` and ``site/`` are.
        keep: Validations to keep, the newest.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._context = gx.get_context(mode="ephemeral", project_config=_configuration(folder))
        self._source = self._context.data_sources.add_sql("border", connection_string=URL)
        # The database lives in memory for as long as a connection to it is open.
        self._connection = self._source.get_engine().connect()

    def validate(self, table: str, batch_id: str, part: Path, expectations: list[dict[str, Any]]) -> dict[str, Any]:
        """Validate one file: the count of expectations evaluated, and the numbers of those that failed.

        Columns that are missing or of another type fail as such; their values are not judged.

        Raises:
            NotEvaluatedError: An expectation could not be evaluated.
        """
        numbered = list(_judgeable(expectations, self._open(part)))
        # Not by add_expectation_configurations: it takes expect_column_to_exist of two columns for one and the same.
        suite = gx.ExpectationSuite(table, [_configured(number, expectation) for number, expectation in numbered])
        asset = self._source.add_table_asset(batch_id, table_name="batch")
        try:
            batch = asset.add_batch_definition_whole_table("whole").get_batch()
            result = batch.validate(suite, result_format=RESULT_FORMAT)
        finally:
            self._source.delete_asset(batch_id)
        failed = [_failed(found) for found in result.results if not found.success]
        if len(result.results) != len(numbered):
            raise NotEvaluatedError(f"{len(numbered)} expectations were given and {len(result.results)} evaluated")
        self._keep_result(table, batch_id, result)
        return {"evaluated": len(numbered), "failed": sorted(failed, key=lambda found: found["number"])}

    def build_data_docs(self) -> Path:
        """Build the page of every result that has none, and the two lists of pages; path of the plain list."""
        results = self._context.stores[_RESULTS]
        keys = sorted(results.list_keys(), key=lambda key: key.run_id.run_time, reverse=True)
        for key in keys[self._keep :]:
            results.remove_key(key)
        kept = [key for key in keys[: self._keep] if self._is_readable(key)]
        # An empty list would mean all of them.
        new = [key for key in kept if not self._path(_SITE, key).exists()]
        self._context.build_data_docs(resource_identifiers=new or None)
        return self._write_list(kept)

    def _write_list(self, keys: list[ValidationResultIdentifier]) -> Path:
        """List the pages without a script: the index of the Data Docs fetches its own from the internet."""
        lines = [
            f'<li><a href="{quote(self._path(_SITE, key).relative_to(self._folder).as_posix())}">'
            f"{escape(key.run_id.run_name)}</a></li>"
            for key in keys
        ]
        path = self._folder / "index.html"
        path.write_text(
            '<!doctype html>\n<meta charset="utf-8">\n<title>Border checks</title>\n'
            '<h1>Border checks, the newest first</h1>\n<p><a href="site/index.html">Data Docs</a></p>\n'
            "<ol>\n" + "\n".join(lines) + "\n</ol>\n",
            encoding="utf-8",
        )
        return path

    def _open(self, part: Path) -> dict[str, str]:
        """Make a file the view ``batch``, lineage columns left out; its columns and their types."""
        file = glob.escape(str(part)).replace("'", "''")
        self._connection.exec_driver_sql(
            f"create or replace view batch as select columns(name -> name[1] <> '_') from read_parquet('{file}')"
        )
        described = self._connection.exec_driver_sql("describe batch").fetchall()
        return {row[0]: row[1] for row in described}

    def _keep_result(self, table: str, batch_id: str, result: ExpectationSuiteValidationResult) -> None:
        run = RunIdentifier(run_name=batch_id, run_time=datetime.now(UTC))
        result.meta["run_id"] = run
        key = ValidationResultIdentifier(ExpectationSuiteIdentifier(table), run, "batch")
        self._context.stores[_RESULTS].set(key, result)

    def _is_readable(self, key: ValidationResultIdentifier) -> bool:
        """Whether a result is there and whole; one that a killed run left half written is removed."""
        try:
            json.loads(self._path(_RESULTS, key).read_bytes())
        except FileNotFoundError:
            # Another run has removed it meanwhile.
            return False
        except ValueError:
            self._context.stores[_RESULTS].remove_key(key)
            return False
        return True

    def _path(self, root: str, key: ValidationResultIdentifier) -> Path:
        """File of a validation: its result, or its page."""
        *folders, name = key.to_tuple()  # type: ignore[no-untyped-call]
        if root == _RESULTS:
            return self._folder.joinpath(root, *folders, f"{name}.json")
        return self._folder.joinpath(root, "validations", *folders, f"{name}.html")


def _judgeable(expectations: list[dict[str, Any]], held: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered expectations whose column is there to be judged: types where it exists, values where its type fits."""
    fits = {
        expectation["column"]
        for expectation in expectations
        if expectation["check"] == "types" and held.get(expectation["column"]) == expectation["arguments"]["type_"]
    }
    columns_of = {"types": held.keys(), "required": fits, "allowed": fits}
    for number, expectation in enumerate(expectations):
        columns = columns_of.get(expectation["check"])
        if columns is None or expectation["column"] in columns:
            yield number, expectation


def _configured(number: int, expectation: dict[str, Any]) -> ExpectationConfiguration:
    return ExpectationConfiguration(
        type=expectation["type"],
        kwargs=expectation["arguments"],
        severity=_SEVERITIES[expectation["severity"]],
        meta={"number": number},
    )


def _failed(found: Any) -> dict[str, Any]:  # noqa: ANN401 - an ExpectationValidationResult
    configuration = found.expectation_config
    # Faults of a metric come nested under its name, and have no such key here.
    if found.exception_info.get("raised_exception", True):
        column = configuration.kwargs.get("column", "the table")
        raise NotEvaluatedError(
            f"{configuration.type} of {column} was not evaluated; its allowed values must be of its type, "
            "and its name must not hold %("
        )
    return {"number": configuration.meta["number"], "rows": found.result.get("unexpected_count")}


def _configuration(folder: Path) -> DataContextConfig:
    configuration = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    configuration.stores[_RESULTS] = {
        "class_name": "ValidationResultsStore",
        "store_backend": {**_files(folder / _RESULTS), "filepath_suffix": ".json", "suppress_store_backend_id": True},
    }
    configuration.validation_results_store_name = _RESULTS
    configuration.data_docs_sites = {
        "border": {
            "class_name": "SiteBuilder",
            # They lead to the vendor's tutorials.
            "show_how_to_buttons": False,
            "store_backend": _files(folder / _SITE),
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "site_section_builders": {
                "validations": {
                    "class_name": "DefaultSiteSectionBuilder",
                    "source_store_name": _RESULTS,
                    "renderer": {"class_name": "ValidationResultsPageRenderer"},
                }
            },
        }
    }
    return configuration


def _files(folder: Path) -> dict[str, Any]:
    return {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
