"""A SQL warehouse's answers, without a warehouse: what dbt-databricks asks of Unity Catalog, and nothing of the data.

The real adapter runs against it in a process of its own, ``python -m tests.python.databricks.recorded_catalog OUT``:
two builds, of an empty catalog and of the one the first left. Each statement is kept, with the node that sent it.
A table's columns are what sqlglot reads off the statement that creates it, so a column that does not resolve in
Databricks SQL ends the build.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import sqlglot
from dbt.cli.main import dbtRunner
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

DIALECT = "databricks"
COMMENT = re.compile(r"^\s*/\*\s*(?P<json>\{.*?\})\s*\*/\s*", re.DOTALL)
LINEAGE = {
    "_batch_id": "string",
    "_row_number": "bigint",
    "_load_type": "string",
    "_ingested_at": "timestamp",
    "_source_file": "string",
    "_row_hash": "string",
    "_unread_columns": "string",
    "_unread": "string",
}
Columns = dict[str, str]
Rows = list[tuple[Any, ...]]
Answer = tuple[Sequence[str], Rows]
NOTHING: Answer = (("nothing",), [])


@dataclass(frozen=True)
class Statement:
    """One statement as the warehouse got it.

    Args:
        build: Number of the build, from 0.
        node: dbt's unique id of the node that sent it; None for hooks and for what dbt asks itself.
        sql: The statement without dbt's comment.
    """

    build: int
    node: str | None
    sql: str


@dataclass
class Catalog:
    """What exists, and how that is told to who asks.

    Args:
        loaded: Bronze tables that have a Delta log, as schema and name, with their columns.
    """

    loaded: dict[tuple[str, str], Columns]
    relations: dict[tuple[str, str], Columns] = field(default_factory=dict)
    views: set[tuple[str, str]] = field(default_factory=set)
    grants: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    masks: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    tags: dict[tuple[str, str], dict[str, tuple[str, str]]] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    build: int = 0

    def execute(self, sent: str) -> Answer:
        """Keep the statement and answer it."""
        comment = COMMENT.match(sent)
        node = json.loads(comment["json"]).get("node_id") if comment else None
        sql = COMMENT.sub("", sent).strip()
        self.statements.append(Statement(self.build, node, sql))
        words = " ".join(sql.lower().split())
        for pattern, answer in ANSWERS:
            found = re.match(pattern, words)
            if found:
                return answer(self, found, sql)
        return NOTHING

    def tables(self, found: re.Match[str], _: str) -> Answer:
        """dbt asks which relations a schema has."""
        names = ("table_name", "table_type", "file_format", "table_owner", "databricks_table_type")
        schema, name = found["schema"], found["name"]
        return names, [
            (table, *(("view", None) if (schema, table) in self.views else ("table", "delta")), "owner", "managed")
            for (place, table) in self.relations
            if place == schema and name in (None, table)
        ]

    def bronze(self, _: re.Match[str], __: str) -> Answer:
        """Which bronze tables there are."""
        tables = [place for place in self.relations if place[0].startswith("bronze") and place not in self.views]
        return ("table_schema", "table_name"), list(tables)

    def listing(self, found: re.Match[str], _: str) -> Answer:
        """LIST of a folder of the lakehouse."""
        path = found["path"].removeprefix(LAKEHOUSE).strip("/")
        folders = {f"{schema.replace('bronze_', 'bronze/')}/{name}/_delta_log" for schema, name in self.loaded}
        below = {folder[len(path) :].strip("/").split("/")[0] for folder in folders if folder.startswith(path)}
        return ("path", "name", "size", "modification_time"), [(path, f"{name}/", 0, None) for name in sorted(below)]

    def granted(self, found: re.Match[str], _: str) -> Answer:
        """GRANT or REVOKE."""
        held = self.grants.setdefault(found["place"], set())
        grant = (found["group"], found["privilege"].upper())
        (held.add if found["verb"] == "grant" else held.discard)(grant)
        return NOTHING

    def granted_on(self, found: re.Match[str], _: str) -> Answer:
        """SHOW GRANTS: what is granted on the table or schema itself, and its owner."""
        kind = "SCHEMA" if found["place"].startswith("schema") else "TABLE"
        held = [(*grant, kind, "") for grant in sorted(self.grants.get(found["place"], set()))]
        return ("principal", "actiontype", "objecttype", "objectkey"), [("owner", "OWN", kind, ""), *held]

    def masked(self, _: re.Match[str], sql: str) -> Answer:
        """SET MASK."""
        relation, column, function = SET_MASK.match(sql).groups()  # type: ignore[union-attr]
        assert place_of(relation) not in self.views, f"{relation} is a view"
        assert column in self.relations[place_of(relation)], f"{relation} has no {column}"
        self.masks.setdefault(place_of(relation), {})[column] = function
        return NOTHING

    def tagged(self, _: re.Match[str], sql: str) -> Answer:
        """SET TAGS of a column."""
        relation, column, tag, value = SET_TAGS.match(sql).groups()  # type: ignore[union-attr]
        self.tags.setdefault(place_of(relation), {})[column] = (tag, value)
        return NOTHING

    def masks_of(self, found: re.Match[str], _: str) -> Answer:
        """dbt asks for the masks of a table."""
        masks = self.masks.get((found["schema"], found["name"]), {})
        return ("column_name", "mask_name", "using_columns"), [(*mask, None) for mask in masks.items()]

    def tags_of(self, found: re.Match[str], _: str) -> Answer:
        """dbt asks for the tags of a table's columns."""
        tags = self.tags.get((found["schema"], found["name"]), {})
        return ("column_name", "tag_name", "tag_value"), [(column, *tag) for column, tag in tags.items()]

    def described(self, found: re.Match[str], _: str) -> Answer:
        """DESCRIBE ... AS JSON."""
        columns = self.relations[place_of(found["relation"])]
        described = [{"name": name, "type": {"name": kind}} for name, kind in columns.items()]
        return ("json_metadata",), [(json.dumps({"columns": described}),)]

    def registered(self, found: re.Match[str], _: str) -> Answer:
        """An external table over a Delta log."""
        place = place_of(found["relation"])
        assert place in self.loaded, f"{place} has no Delta log"
        self.relations[place] = self.loaded[place]
        self.views.discard(place)
        return NOTHING

    def created(self, found: re.Match[str], sql: str) -> Answer:
        """A table or view from a query."""
        place = place_of(found["relation"])
        query = sqlglot.parse_one(sql, dialect=DIALECT).expression
        self.relations[place] = self.result_of(query)
        self.views.discard(place)
        if found["kind"] != "table":
            self.views.add(place)
        return NOTHING

    def seeded(self, found: re.Match[str], sql: str) -> Answer:
        """A table by its columns."""
        created = sqlglot.parse_one(sql, dialect=DIALECT)
        self.relations[place_of(found["relation"])] = {
            column.name: column.args["kind"].sql(DIALECT).lower() for column in created.find_all(exp.ColumnDef)
        }
        return NOTHING

    def dropped(self, found: re.Match[str], _: str) -> Answer:
        """DROP of a table or view."""
        self.relations.pop(place_of(found["relation"]), None)
        return NOTHING

    def failures(self, _: re.Match[str], __: str) -> Answer:
        """A test that finds nothing wrong."""
        return ("failures", "should_warn", "should_error"), [(0, False, False)]

    def batches(self, _: re.Match[str], __: str) -> Answer:
        """What an incremental model holds already."""
        return ("_source_table", "batch"), [(f"hospital_a.{name}", "20240101T000000000000-x") for name in ("claims",)]

    def a_text(self, _: re.Match[str], __: str) -> Answer:
        """A fingerprint."""
        return ("fingerprint",), [("0" * 64,)]

    def names_only(self, _: re.Match[str], sql: str) -> Answer:
        """Any other query: its columns and no rows."""
        query = sqlglot.parse_one(sql, dialect=DIALECT)
        assert isinstance(query, exp.Query)
        return query.named_selects or ("nothing",), []

    def result_of(self, query: exp.Expr) -> Columns:
        """Names and types of a query's columns.

        Raises:
            sqlglot.errors.OptimizeError: A column that no relation of the query has.
        """
        schema: dict[str, Any] = {}
        for (place, name), columns in self.relations.items():
            schema.setdefault(place, {})[name] = {column.lower(): kind for column, kind in columns.items()}
        for table in query.find_all(exp.Table):
            table.set("catalog", None)
        qualified = qualify(query.copy(), dialect=DIALECT, schema=schema, validate_qualify_columns=True)
        typed = annotate_types(qualified, schema=schema, dialect=DIALECT)
        assert isinstance(typed, exp.Query)
        return {
            column.alias_or_name: "string" if column.type is None else column.type.sql(DIALECT).lower()
            for column in typed.selects
        }


# What somebody granted by hand between the builds.
STRAY_GRANTS = {"schema `rcm_dev`.`gold`": "SELECT", "`rcm_dev`.`history`.`patients_history`": "SELECT"}
LAKEHOUSE = "abfss://lake@example.dfs.core.windows.net/rcm"
RELATION = r"(?P<relation>[`\w.]+)"
SET_MASK = re.compile(r"ALTER TABLE (\S+)\s+ALTER COLUMN `(\w+)`\s+SET MASK (\S+)", re.IGNORECASE)
SET_TAGS = re.compile(r"ALTER TABLE (\S+)\s+ALTER COLUMN `(\w+)`\s+SET TAGS \(\s*'(\w+)' = '(\w+)'", re.IGNORECASE)
OF_TABLE = r".*schema(_name)? = '(?P<schema>\w+)' and table_name = '(?P<name>\w+)'"
ANSWERS: list[tuple[str, Callable[[Catalog, re.Match[str], str], Answer]]] = [
    (r"(?P<verb>grant|revoke) (?P<privilege>[\w ]+) on (?P<place>.+) (to|from) `(?P<group>.+)`$", Catalog.granted),
    (r"show grants on (?P<place>.+)", Catalog.granted_on),
    (r"alter table \S+ alter column \S+ set mask", Catalog.masked),
    (r"alter table \S+ alter column \S+ set tags", Catalog.tagged),
    (rf"select column_name, mask_name, using_columns{OF_TABLE}", Catalog.masks_of),
    (rf"select column_name, tag_name, tag_value{OF_TABLE}", Catalog.tags_of),
    (r"select table_schema, table_name from `\w+`\.information_schema\.tables", Catalog.bronze),
    (
        r"select table_name, if\(table_type.*table_schema = '(?P<schema>\w+)'( and table_name = '(?P<name>\w+)')?",
        Catalog.tables,
    ),
    (r"list '(?P<path>[^']+)'", Catalog.listing),
    (rf"describe table extended {RELATION} as json", Catalog.described),
    (rf"create table if not exists {RELATION} using delta location", Catalog.registered),
    (rf"create or replace (?P<kind>table|view|temporary view) {RELATION}.* as ", Catalog.created),
    (rf"create( or replace)? table {RELATION} \(", Catalog.seeded),
    (rf"drop (table|view) if exists {RELATION}", Catalog.dropped),
    (r"select count\(\*\) as failures|select .* as failures", Catalog.failures),
    (r"select _source_table, max\(_batch_id\)", Catalog.batches),
    (r"select sha2\(", Catalog.a_text),
    (r"(select|with)\b", Catalog.names_only),
]


def place_of(relation: str) -> tuple[str, str]:
    """Schema and name of a relation as it is written; a temporary view has no schema."""
    parts = relation.replace("`", "").split(".")
    return (parts[-2], parts[-1]) if len(parts) > 1 else ("", parts[0])


@dataclass
class Cursor:
    """The part of databricks-sql-connector's cursor that the adapter uses."""

    connection: "Connection"
    answer: Answer = NOTHING
    query_id: str = "recorded"

    @property
    def description(self) -> list[tuple[Any, ...]]:
        """Names of the answer's columns."""
        return [(name, "string", None, None, None, None, None) for name in self.answer[0]]

    def execute(self, sql: str, bindings: Sequence[Any] | None = None) -> "Cursor":
        """Answer a statement."""
        del bindings
        self.answer = self.connection.catalog.execute(sql)
        return self

    def fetchall(self) -> Rows:
        """All rows."""
        return self.answer[1]

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return next(iter(self.answer[1]), None)

    def fetchmany(self, size: int) -> Rows:
        """The first rows."""
        return self.answer[1][:size]

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Connection:
    """The part of databricks-sql-connector's connection that the adapter uses."""

    catalog: Catalog

    def cursor(self) -> Cursor:
        """A cursor of its own."""
        return Cursor(self)

    def get_session_id_hex(self) -> str:
        """Shown in logs."""
        return "recorded"

    def close(self) -> None:
        """Nothing is open."""


def bronze_tables(manifest: dict[str, Any], loaded: bool) -> dict[tuple[str, str], Columns]:
    """Bronze, audit and ledger tables with their columns; the reference sources were never loaded."""
    tables = {}
    for source in manifest["sources"].values():
        columns = {name: column["data_type"] for name, column in source["columns"].items()}
        if source["schema"].startswith("bronze"):
            columns |= LINEAGE
        if loaded and source["source_name"] != "cpt":
            tables[source["schema"], source["identifier"]] = columns
    return tables


def main(out: Path) -> int:
    """Build twice; write what was sent and what the catalog then holds."""
    runner = dbtRunner()
    parsed = runner.invoke(["--quiet", "parse"])
    assert parsed.success, parsed.exception
    manifest = json.loads((Path(os.environ["DBT_TARGET_PATH"]) / "manifest.json").read_text())
    catalog = Catalog(loaded=bronze_tables(manifest, loaded=True))
    succeeded = True
    with mock.patch("databricks.sql.connect", return_value=Connection(catalog)):
        for build in range(2):
            catalog.build = build
            if build:
                for place, privilege in STRAY_GRANTS.items():
                    catalog.grants.setdefault(place, set()).add(("account users", privilege))
            # Tests read the same on either build.
            left_out = ["unit_test"] if build else ["unit_test", "test"]
            done = runner.invoke(["build", "--threads", "1", "--exclude-resource-type", *left_out])
            succeeded = succeeded and done.success
    out.write_text(
        json.dumps(
            {
                "statements": [asdict(statement) for statement in catalog.statements],
                "relations": {".".join(place): columns for place, columns in catalog.relations.items()},
                "views": [".".join(place) for place in catalog.views],
                "masks": {".".join(place): masks for place, masks in catalog.masks.items()},
                "tags": {".".join(place): tags for place, tags in catalog.tags.items()},
                "grants": {place: sorted(grants) for place, grants in catalog.grants.items()},
            }
        )
    )
    return int(not succeeded)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
