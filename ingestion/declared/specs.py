"""Pydantic models of the control table: a source system, its tables and columns; they reject contradictions."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from ingestion.declared.dialect import DialectSpec
from ingestion.declared.problems import listing

Mode = Literal["full", "incremental"]
# Kinds of direct identifiers; a misspelt tag would leave a column unprotected.
Phi = Literal["name", "ssn", "phone", "address", "birth_date", "record_number", "account_number", "member_id"]
Severity = Literal["reject", "quarantine", "warn", "ignore"]
NullWatermark = Literal["include", "exclude", "fail"]
# Undeclared columns: loaded too, refused, or skipped.
ColumnContract = Literal["evolve", "freeze", "discard"]
# Severities of border checks; a quarantined row is loaded into bronze and quarantined in silver.
BorderCheck = Literal["required", "allowed", "row_count"]
BorderSeverity = Literal["reject", "quarantine", "warn"]
# Names become folders, schemas and dbt identifiers.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

WATERMARK_TYPES = ("timestamp", "date", "bigint")


def _iso_duration(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"P(?=.)(\d+[WD])*(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?", value):
        raise ValueError("is not an ISO 8601 duration of weeks, days or hours; write P2D or PT6H, say")
    return value


Duration = Annotated[timedelta, BeforeValidator(_iso_duration)]


def _data_type(value: str) -> str:
    decimal = re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", value)
    if decimal and 1 <= int(decimal[1]) <= 38 and int(decimal[2]) <= int(decimal[1]):
        return f"decimal({decimal[1]},{decimal[2]})"
    if value not in ("string", "boolean", "date", "timestamp", "bigint"):
        raise ValueError("is no known type; use string, boolean, date, timestamp, decimal(18,2) or bigint")
    return value


def _one_or_several(value: object) -> object:
    return [value] if isinstance(value, str) else value


class KnownKinds(Protocol):
    """The kinds of source there are, which judge what a declaration says about one; the context of validation."""

    @property
    def words(self) -> tuple[str, ...]:
        """Words of ``config.meta.kind``."""

    def problems(self, table: "TableSpec") -> Iterable[str]:
        """What a table's kind does not understand, each ``key: what is wrong; what to do``."""

    def place(self, table: "TableSpec") -> object:
        """What a table reads at its address; equal for two tables that read the same."""


def _known_kind(value: str, info: ValidationInfo) -> str:
    kinds: KnownKinds | None = info.context
    if kinds is not None and value not in kinds.words:
        raise ValueError(f"is none of {listing(kinds.words)}")
    return value


Kind = Annotated[str, AfterValidator(_known_kind)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConnectionSpec(_Spec):
    """Name of the environment variable with the URL or folder, and what holds where it is not set."""

    env: str
    default: str | None = None


class ColumnSpec(_Spec):
    """One declared source column."""

    name: Annotated[str, StringConstraints(min_length=1)]
    data_type: Annotated[str, AfterValidator(_data_type)]
    phi: Phi | None = None
    required: bool = False
    allowed: tuple[str, ...] = ()


class LoadSpec(_Spec):
    """How a table is read: ``config.meta.load``; the keys that belong to one kind of source are its ``options``."""

    model_config = ConfigDict(frozen=True, extra="allow")

    mode: Mode
    key: Annotated[tuple[str, ...], Field(min_length=1)]
    extractor: str | None = None
    watermark: str | None = None
    lag: Annotated[timedelta, BeforeValidator(_iso_duration)] = timedelta(0)
    null_watermark: NullWatermark = "include"
    full_every: Annotated[timedelta | None, BeforeValidator(_iso_duration)] = None
    active: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """Keys that are not common to all kinds, as far as they have a value."""
        return {key: value for key, value in (self.model_extra or {}).items() if value is not None}


class RowCountBand(_Spec):
    """Rows of a batch, as multiples of the median of the last batches of its kind."""

    min: Annotated[float, Field(ge=0)] = 0.0
    max: Annotated[float | None, Field(gt=0)] = None

    @model_validator(mode="after")
    def _reject_an_empty_band(self) -> "RowCountBand":
        if self.max is not None and self.max < self.min:
            raise ValueError("max is below min, so that no batch would fit; swap them")
        return self


class ContractSpec(_Spec):
    """The contract of a table's batches: ``config.meta.contract``."""

    columns: ColumnContract = "discard"
    row_count: RowCountBand | None = None
    severity: dict[BorderCheck, BorderSeverity] = Field(default_factory=dict)

    def severity_of(self, check: BorderCheck) -> BorderSeverity:
        """What a failed check does."""
        return self.severity.get(check, "warn" if check == "row_count" else "quarantine")


class QuarantineSpec(_Spec):
    """When quarantined rows of a batch stop the build: ``config.meta.quarantine``; read by dq_circuit_breaker."""

    limit: Annotated[float | None, Field(gt=0, le=1)] = None
    minimum_rows: Annotated[int | None, Field(ge=1)] = None
    minimum_rows_if_all: Annotated[int | None, Field(ge=1)] = None
    # Batches that a steward has looked at, and that may stay as they are.
    accepted: tuple[str, ...] = ()


class DeletionsSpec(_Spec):
    """When the deletions of a full read wait for a person: ``config.meta.deletions``; read by dq_circuit_breaker."""

    limit: Annotated[float | None, Field(gt=0, le=1)] = None
    minimum_keys: Annotated[int | None, Field(ge=1)] = None


class TableSpec(_Spec):
    """One source table, checked: a contradiction between its keys does not get this far."""

    system: Name
    name: Name
    kind: Kind
    load: LoadSpec
    columns: Annotated[tuple[ColumnSpec, ...], Field(min_length=1)]
    column_map: dict[str, str] = Field(default_factory=dict)
    # Read by dbt's macros; checked here, so that a misspelt name does not silently disable a rule.
    severity: dict[str, Severity] = Field(default_factory=dict)
    code_systems: dict[str, Annotated[tuple[str, ...], BeforeValidator(_one_or_several)]] = Field(default_factory=dict)
    limits: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    quarantine: QuarantineSpec = QuarantineSpec()
    # The system's, overridden by the table's.
    dialect: DialectSpec = DialectSpec()
    deletions: DeletionsSpec = DeletionsSpec()
    # The greatest plausible amount of one line, USD; below what sums of amounts can hold.
    amount_limit: Annotated[int | None, Field(ge=1, le=1_000_000_000_000)] = None
    contract: ContractSpec = ContractSpec()

    @property
    def label(self) -> str:
        """``system.table``, as it is written everywhere."""
        return f"{self.system}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Declared columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def money_columns(self) -> tuple[str, ...]:
        """Columns of amounts: declared decimals, or texts that the map takes for an ``_amount``."""
        mapped = {expression for name, expression in self.column_map.items() if name.endswith("_amount")}
        return tuple(
            column.name for column in self.columns if column.data_type.startswith("decimal") or column.name in mapped
        )

    @property
    def time_zone(self) -> str:
        """Zone that clocks without a zone show."""
        return self.dialect.time_zone or "UTC"

    @property
    def reads_file_names(self) -> bool:
        """Whether its map reads the names of landing files."""
        return any("_source_file" in expression for expression in self.column_map.values())

    @property
    def watermark_type(self) -> str | None:
        """Declared type of the watermark column."""
        return next((column.data_type for column in self.columns if column.name == self.load.watermark), None)

    @model_validator(mode="after")
    def _reject_impossible_states(self, info: ValidationInfo) -> "TableSpec":
        kinds: KnownKinds | None = info.context
        problems = [
            *(kinds.problems(self) if kinds is not None else ()),
            *self._contract_problems(),
            *self._watermark_problems(),
            *self._column_problems(),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _contract_problems(self) -> Iterator[str]:
        if self.contract.severity.get("row_count") == "quarantine":
            yield "contract.severity.row_count: surplus or missing rows cannot be identified; reject or warn"

    def _watermark_problems(self) -> Iterator[str]:
        load = self.load
        if load.watermark is None:
            for key, given in (("lag", load.lag), ("full_every", load.full_every)):
                if given:
                    yield f"load.{key}: has no meaning without a watermark; remove it"
            return
        if load.mode == "full":
            yield "load.watermark: has no meaning in a full load; remove it or set mode: incremental"
        if self.watermark_type is not None and self.watermark_type not in WATERMARK_TYPES:
            types = ", ".join(WATERMARK_TYPES)
            yield f"load.watermark: column {load.watermark} is a {self.watermark_type}; it must be one of {types}"
        if self.watermark_type == "bigint" and load.lag:
            yield "load.lag: a duration cannot be taken off a bigint watermark; remove it"

    def _column_problems(self) -> Iterator[str]:
        names = self.column_names
        for key, name in (*(("load.key", name) for name in self.load.key), ("load.watermark", self.load.watermark)):
            if name is not None and name not in names:
                yield f"{key}: {name} is not among the declared columns; declare it or correct the name"
        for name in repeated(name.lower() for name in names):
            yield f"columns: {name} is declared twice (capitals do not count); keep one"
        for column in self.columns:
            if column.name.startswith("_"):
                yield f"columns: {column.name} starts with _, which marks lineage columns; rename it in the source view"


class SystemSpec(_Spec):
    """One source system: a dbt source whose meta says how it is loaded."""

    name: Name
    label: str
    kind: Kind
    bronze_schema: Name
    connection: ConnectionSpec
    dialect: DialectSpec = DialectSpec()
    # For all tables that do not say otherwise.
    amount_limit: Annotated[int | None, Field(ge=1, le=1_000_000_000_000)] = None
    tables: tuple[TableSpec, ...]
    path: Path
    # Hospitals that its rows may name by map.source_system; those of the list.
    hospitals: frozenset[str] = frozenset()

    @property
    def time_zone(self) -> str:
        """Zone in which its moments become days."""
        return self.dialect.time_zone or "UTC"


def repeated(names: Iterable[str]) -> list[str]:
    """Names that occur more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
