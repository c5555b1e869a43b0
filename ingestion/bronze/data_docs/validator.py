"""Great Expectations: validates batches by the expectations of their contracts and builds the Data Docs."""

import glob
import time
from collections.abc import Sequence
from datetime import datetime
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

from ingestion.base.errors import BorderUnavailableError
from ingestion.bronze.border import BorderFailure, BorderResult
from ingestion.bronze.border.expected import Expected, expected, judgeable
from ingestion.bronze.data_docs.duckdb_dialect import URL
from ingestion.declared.specs import TableSpec

# Counts only: no list of unexpected values is asked for, so none can reach a result or a page.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_SEVERITIES = {
    "reject": FailureSeverity.CRITICAL,
    "quarantine": FailureSeverity.WARNING,
    "warn": FailureSeverity.INFO,
}
_RESULTS = "results"
_SITE = "site"


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
        folder: Where ``results/``, ``site/`` and ``index.html`` are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = gx.get_context(mode="ephemeral", project_config=_configuration(folder))
        self._source = self._context.data_sources.add_sql("border", connection_string=URL)
        # The database lives in memory for as long as a connection to it is open.
        self._connection = self._source.get_engine().connect()

    def validate(
        self, table: TableSpec, part: Path, rows: int, earlier_rows: Sequence[int], batch_id: str, at: datetime
    ) -> BorderResult:
        """Validate one batch and keep the result.

        Args:
            table: As for ``check_batch``, like all but the last argument.
            part: Its file.
            rows: Rows that were written to it.
            earlier_rows: Rows of the batches before it.
            batch_id: Its name, under which the pages show it.
            at: Its time with zone, by which the pages are listed.

        Raises:
            BorderUnavailableError: Great Expectations could not evaluate an expectation; names it and its column.
        """
        begun = time.monotonic()
        expectations = judgeable(expected(table, rows, earlier_rows), self._open(part))
        # Not by add_expectation_configurations: it takes expect_column_to_exist of two columns for one and the same.
        suite = gx.ExpectationSuite(table.label, [_configured(*numbered) for numbered in enumerate(expectations)])
        asset = self._source.add_table_asset(batch_id, table_name="batch")
        try:
            batch = asset.add_batch_definition_whole_table("whole").get_batch()
            result = batch.validate(suite, result_format=RESULT_FORMAT)
        finally:
            self._source.delete_asset(batch_id)
        if len(result.results) != len(expectations):
            raise BorderUnavailableError(
                f"batch {batch_id}: {len(expectations)} expectations were given, {len(result.results)} evaluated"
            )
        failed = sorted(_failed(found, batch_id) for found in result.results if not found.success)
        self._keep_result(table.label, RunIdentifier(run_name=batch_id, run_time=at), result)
        failures = tuple(BorderFailure.of(expectations[number], count) for number, count in failed)
        return BorderResult(len(expectations), failures, round(time.monotonic() - begun, 3))

    def build_data_docs(self) -> Path:
        """Build a page per result and two lists of the pages; path of the plain list."""
        keys = sorted(self._context.stores[_RESULTS].list_keys(), key=lambda key: key.run_id.run_time, reverse=True)
        self._context.build_data_docs()
        return self._write_list(keys)

    def _write_list(self, keys: list[ValidationResultIdentifier]) -> Path:
        """List the pages without a script: the index of the Data Docs fetches its own from the internet."""
        lines = [
            f'<li><a href="{quote(self._page(key).as_posix())}">{escape(key.run_id.run_name)}</a></li>' for key in keys
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
        """Make a file the view ``batch`` without its lineage columns; type of each column."""
        file = glob.escape(str(part)).replace("'", "''")
        self._connection.exec_driver_sql(
            f"create or replace view batch as select columns(name -> name[1] <> '_') from read_parquet('{file}')"
        )
        described = self._connection.exec_driver_sql("describe batch").fetchall()
        return {row[0]: row[1] for row in described}

    def _keep_result(self, table: str, run: RunIdentifier, result: ExpectationSuiteValidationResult) -> None:
        result.meta["run_id"] = run
        key = ValidationResultIdentifier(ExpectationSuiteIdentifier(table), run, "batch")
        self._context.stores[_RESULTS].set(key, result)

    def _page(self, key: ValidationResultIdentifier) -> Path:
        *folders, name = key.to_tuple()  # type: ignore[no-untyped-call]
        return Path(_SITE, "validations", *folders, f"{name}.html")


def _configured(number: int, expectation: Expected) -> ExpectationConfiguration:
    return ExpectationConfiguration(
        type=expectation.type,
        kwargs=expectation.arguments,
        severity=_SEVERITIES[expectation.severity],
        meta={"number": number},
    )


def _failed(found: Any, batch_id: str) -> tuple[int, int | None]:  # noqa: ANN401 - an ExpectationValidationResult
    """Number of a failed expectation, and how many rows fail it where rows are judged."""
    configuration = found.expectation_config
    # Faults of a metric come nested under its name, and have no such key here.
    if found.exception_info.get("raised_exception", True):
        column = configuration.kwargs.get("column", "the table")
        raise BorderUnavailableError(
            f"batch {batch_id}: {configuration.type} of {column} was not evaluated; "
            "its allowed values must be of its type, and its name must not hold %("
        )
    return configuration.meta["number"], found.result.get("unexpected_count")


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
