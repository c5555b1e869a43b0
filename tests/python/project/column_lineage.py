"""What flows into each column of each model: values of tagged source columns, or pseudonyms computed from them.

Only what a reader of the column could read off flows: of a CASE the results and not the conditions, of a comparison or
a count nothing; a hash turns a value into a pseudonym.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

DIALECT = "duckdb"
LINEAGE_COLUMNS = (
    "_batch_id",
    "_row_number",
    "_load_type",
    "_ingested_at",
    "_source_file",
    "_row_hash",
    "_unread_columns",
)
SNAPSHOT_COLUMNS = ("dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
HASHES = frozenset({"md5", "md5_number", "sha", "sha1", "sha2", "sha256", "hash", "xxhash64", "crc32"})
# Aggregates and functions that say how many, how often or whether, but not what.
TELLING_NOTHING = (exp.Predicate, exp.Connector, exp.Not, exp.Count, exp.CountIf, exp.RowNumber, exp.Exists)
SAYING_WHETHER = frozenset(
    {"regexp_matches", "regexp_full_match", "rank", "dense_rank", "ntile", "contains", "starts_with", "approx_distinct"}
)


class NotUnderstoodError(Exception):
    """A model's SQL that this reading has no words for."""


@dataclass(frozen=True)
class Taint:
    """Something of a tagged source column.

    Args:
        origin: The column, as system.table.column; "a hash" for a hash of columns without a tag.
        kind: Its tag.
        is_pseudonym: True for a hash of it.
    """

    origin: str
    kind: str
    is_pseudonym: bool = False


A_HASH = Taint("a hash", "hash", is_pseudonym=True)
Taints = frozenset[Taint]
Columns = dict[str, Taints]
NOTHING: Taints = frozenset()


def column_taints(
    manifest: Mapping[str, Any], project: Path, known: Mapping[str, Columns] | None = None
) -> dict[str, Columns]:
    """What flows into each column, by unique id of the model, snapshot, seed or source.

    Args:
        manifest: dbt's, after ``dbt compile``.
        project: Where the seeds' files are.
        known: What an earlier reading found, for models that read themselves.

    Raises:
        NotUnderstoodError: A model's SQL is not understood; it could hide a leak.
    """
    relations: dict[tuple[str, str], Columns] = {}
    found: dict[str, Columns] = {}
    nodes = {unique_id: node for unique_id, node in manifest["nodes"].items() if "relation_name" in node}
    nodes |= manifest["sources"]
    for unique_id, columns in (known or {}).items():
        if unique_id in nodes:
            relations[_relation(nodes[unique_id])] = columns
    reads = {
        unique_id: [parent for parent in node.get("depends_on", {}).get("nodes", []) if parent in nodes]
        for unique_id, node in nodes.items()
        if node["resource_type"] in ("source", "seed", "snapshot", "model")
    }
    for unique_id in TopologicalSorter(reads).static_order():
        node = nodes[unique_id]
        meta = _column_meta(node, manifest)
        relation = _relation(node)
        # A model that reads itself is read until nothing more flows.
        relations.setdefault(relation, dict.fromkeys(map(str.lower, node.get("columns", {})), NOTHING))
        before: Columns | None = None
        while before is None or (before != found[unique_id] and _reads_itself(node)):
            before = relations[relation]
            try:
                columns = _columns_of(node, project, relations)
            except sqlglot.errors.SqlglotError as error:
                raise NotUnderstoodError(f"{unique_id}: {error}") from error
            found[unique_id] = relations[relation] = {
                name: _declassified(taints, meta.get(name, {})) for name, taints in columns.items()
            }
    return found


def _relation(node: Mapping[str, Any]) -> tuple[str, str]:
    return node["schema"].lower(), (node.get("alias") or node["identifier"]).lower()


def _reads_itself(node: Mapping[str, Any]) -> bool:
    return (node.get("relation_name") or "") in node.get("compiled_code", "")


def _columns_of(node: Mapping[str, Any], project: Path, relations: Mapping[tuple[str, str], Columns]) -> Columns:
    kind = node["resource_type"]
    if kind == "source":
        tags = {name: column["config"]["meta"].get("phi") for name, column in node["columns"].items()}
        where = f"{node['source_name']}.{node['name']}"
        columns = {
            name.lower(): frozenset({Taint(f"{where}.{name}", tag)}) if tag else NOTHING for name, tag in tags.items()
        }
        return columns | dict.fromkeys(LINEAGE_COLUMNS, NOTHING)
    if kind == "seed":
        with (project / node["original_file_path"]).open(encoding="utf-8", newline="") as file:
            return dict.fromkeys(map(str.lower, next(csv.reader(file))), NOTHING)
    columns = _result(node["compiled_code"], relations)
    if kind == "snapshot":
        columns |= dict.fromkeys(SNAPSHOT_COLUMNS, NOTHING)
        columns["dbt_scd_id"] = _hashed(columns[node["config"]["unique_key"]])
    return columns


def _column_meta(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Meta of a node's columns; what staging and history hold is said once, in the common data model."""
    name = node["name"]
    entity = name.removeprefix("stg_").removesuffix("_history")
    said = manifest["nodes"].get(f"model.{node['package_name']}.cdm_{entity}") if entity != name else node
    return {column.lower(): said_of["config"]["meta"] for column, said_of in (said or node)["columns"].items()}


def _declassified(taints: Taints, meta: Mapping[str, Any]) -> Taints:
    """Without the kinds of which the column says why they may be so derived."""
    return frozenset(taint for taint in taints if taint.kind not in meta.get("declassified", {}))


def _result(sql: str, relations: Mapping[tuple[str, str], Columns]) -> Columns:
    """What flows into each column of a query's result."""
    query = sqlglot.parse_one(sql, dialect=DIALECT)
    schema: dict[str, Any] = {}
    for (folder, name), columns in relations.items():
        if columns:
            schema.setdefault(folder, {})[name] = dict.fromkeys(columns, "unknown")
    for table in query.find_all(exp.Table):
        table.set("catalog", None)
    qualified = qualify(
        query,
        dialect=DIALECT,
        schema=schema,
        quote_identifiers=False,
        validate_qualify_columns=True,
        isolate_tables=False,
    )
    outputs: dict[int, Columns] = {}
    last: Columns = {}
    for scope in traverse_scope(qualified):
        last = outputs[id(scope)] = _output(scope, outputs, relations)
    return last


def _output(scope: Scope, outputs: dict[int, Columns], relations: Mapping[tuple[str, str], Columns]) -> Columns:
    expression = scope.expression
    if isinstance(expression, exp.SetOperation):
        left, right = (outputs[id(part)] for part in scope.set_operation_scopes)
        return {name: taints | other for (name, taints), other in zip(left.items(), right.values(), strict=True)}
    if isinstance(expression, exp.Select):
        return {
            projection.alias_or_name.lower(): _flow(projection, scope, outputs, relations)
            for projection in expression.selects
        }
    # A table made of expressions, such as VALUES or UNNEST: all of them flow into each of its columns.
    flown = _union(_flow(part, scope, outputs, relations) for part in expression.iter_expressions())
    return {name.lower(): flown for name in expression.alias_column_names} or {"": flown}


def _flow(
    part: exp.Expr, scope: Scope, outputs: dict[int, Columns], relations: Mapping[tuple[str, str], Columns]
) -> Taints:
    """What flows into an expression's value."""

    def flow(*parts: exp.Expr | None) -> Taints:
        return _union(_flow(piece, scope, outputs, relations) for piece in parts if piece is not None)

    name = part.name.lower() if isinstance(part, exp.Anonymous) else part.key
    if isinstance(part, exp.Column):
        return _of_column(part, scope, outputs, relations)
    if isinstance(part, TELLING_NOTHING) or name in SAYING_WHETHER:
        return NOTHING
    if isinstance(part, exp.Case):
        return flow(*(branch.args["true"] for branch in part.args["ifs"]), part.args.get("default"))
    if isinstance(part, exp.If):
        return flow(part.args.get("true"), part.args.get("false"))
    if isinstance(part, (exp.Window, exp.Filter, exp.Ordered, exp.Nullif, exp.ArgMax, exp.ArgMin, exp.WithinGroup)):
        return flow(part.this)
    if isinstance(part, (exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA2)) or name in HASHES:
        return _hashed(flow(*part.iter_expressions()))
    if isinstance(part, exp.Query):
        own = next((inner for inner in scope.subquery_scopes if inner.expression is part.unnest()), None)
        return NOTHING if own is None else _union(outputs[id(own)].values())
    return flow(*part.iter_expressions())


def _of_column(
    column: exp.Column, scope: Scope, outputs: dict[int, Columns], relations: Mapping[tuple[str, str], Columns]
) -> Taints:
    around: Scope | None = scope
    while around is not None and column.table not in around.sources:
        around = around.parent
    if around is None:
        raise sqlglot.errors.OptimizeError(f"{column.sql(DIALECT)} belongs to no relation of the query")
    source = around.sources[column.table]
    if isinstance(source, exp.Table):
        if not isinstance(source.this, exp.Identifier):
            # A function such as generate_series: what it is given flows.
            return _flow(source.this, scope, outputs, relations)
        columns = relations[source.db.lower(), source.name.lower()]
    else:
        columns = outputs[id(source)]
    if column.name.lower() not in columns:
        if "" not in columns:
            raise sqlglot.errors.OptimizeError(f"{column.sql(DIALECT)} is no column of its relation")
        return columns[""]
    return columns[column.name.lower()]


def _hashed(taints: Taints) -> Taints:
    return frozenset(replace(taint, is_pseudonym=True) for taint in taints) | {A_HASH}


def _union(parts: Iterable[Taints]) -> Taints:
    return NOTHING.union(*parts)
