"""Whether the embedded warehouse was built, to the end, from everything that bronze holds.

A number may be signed, or shown as current, only then. dbt's hooks write audit.build_log
(macros/cross_db/record_build.sql); a model is behind where one that it reads, also through views, was built after it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingestion.base.settings import Settings
from ingestion.bronze.places import bronze_table
from ingestion.declared.specs import SystemSpec, TableSpec
from rcm.warehouse.left_out import TEST as EVERY_SYSTEM
from rcm.warehouse.reader import warehouse_rows

# What the first page and `rcm status` show.
HEADLINE = "kpi_headline"
# The entry of the command itself, and its status until it ends.
_BUILD, _RUNNING = "build", "running"
_FAILED = ("error", "fail", "runtime error")
# Tests that say which batches wait and which hospitals are missing: what was built is complete without them.
_SAY_WHAT_IS_OUT = ("assert_no_batch_waits_for_a_decision", "assert_no_hospital_is_missing")


@dataclass(frozen=True)
class _Node:
    name: str
    kind: str
    is_view: bool
    status: str
    reads: tuple[str, ...]
    recorded_at: datetime


def gaps(
    settings: Settings, systems: Sequence[SystemSpec], tables: Sequence[str] | None = None, model: str = HEADLINE
) -> list[str]:
    """What keeps a model from showing everything that is loaded, one line each; none where it is complete.

    Args:
        settings: Where bronze and the warehouse are.
        systems: Systems whose tables must be built.
        tables: Only these of their tables; None for all.
        model: Name of the model that is shown.

    Raises:
        WarehouseBusyError: Another process writes to the warehouse.
        IngestionError: Bronze or the warehouse cannot be read.
    """
    nodes = _nodes(settings)
    if not nodes:
        return ["nothing was built yet"]
    began = nodes.get(_BUILD)
    return [
        *(["the last build did not come to its end"] if began is not None and began.status == _RUNNING else []),
        *sorted(f"{node.kind} {node.name} failed" for node in nodes.values() if _is_broken(node)),
        *(f"{label} has rows that are not built yet" for label in _unbuilt(settings, systems, tables)),
        *(f"{label} has a batch that waits for a decision" for label in _undecided(settings, systems, tables)),
        *(f"{name} is older than what it is made from" for name in _behind(nodes, model)),
    ]


def says_what_is_out(failure: str) -> bool:
    """Whether a line of a build only says that a batch waits or a hospital is missing."""
    return any(name in failure for name in _SAY_WHAT_IS_OUT)


def _is_broken(node: _Node) -> bool:
    # What is left out, waits or is missing keeps nobody else's month open.
    return node.status in _FAILED and node.name not in (EVERY_SYSTEM, *_SAY_WHAT_IS_OUT)


def _undecided(settings: Settings, systems: Sequence[SystemSpec], tables: Sequence[str] | None) -> list[str]:
    """Labels of source tables with a batch that waits for a person."""
    query = "select distinct _source_table from silver.dq_circuit_breaker where is_waiting order by 1"
    found = [str(label) for (label,) in warehouse_rows(settings.warehouse, query)]
    names = {table.label for system in systems for table in system.tables if tables is None or table.name in tables}
    return [label for label in found if label in names]


def _unbuilt(settings: Settings, systems: Sequence[SystemSpec], tables: Sequence[str] | None) -> Iterator[str]:
    """Labels (``system.table``) of source tables whose newest batch is not staged yet."""
    wanted = [table for system in systems for table in system.tables if tables is None or table.name in tables]
    staged = {name: _staged_until(settings, name) for name in {table.name for table in wanted}}
    for table in wanted:
        if _newest_batch(settings, table) > staged[table.name].get(table.label, ""):
            yield table.label


def _behind(nodes: Mapping[str, _Node], model: str) -> list[str]:
    """A model and those it reads, as far as they are older than what they read; one that was never built is."""
    start = next((node_id for node_id, node in nodes.items() if node.name == model), None)
    if start is None:
        return [model]
    return sorted(nodes[node_id].name for node_id in _ancestors(nodes, start) if _is_behind(nodes, nodes[node_id]))


def _staged_until(settings: Settings, entity: str) -> dict[str, str]:
    """The newest staged batch of each source table of an entity."""
    query = f"select _source_table, max(_batch_id) from silver.stg_{entity} group by _source_table"
    return dict(warehouse_rows(settings.warehouse, query))


def _newest_batch(settings: Settings, table: TableSpec) -> str:
    # A refused batch is never staged.
    batches = bronze_table(settings, table).counted_batches()
    return batches[0].batch_id if batches else ""


def _nodes(settings: Settings) -> dict[str, _Node]:
    query = "select node_id, node_name, node_kind, materialized, status, reads, recorded_at from audit.build_log"
    return {
        node_id: _Node(name, kind, materialized == "view", status, tuple(filter(None, reads.split(","))), recorded_at)
        for node_id, name, kind, materialized, status, reads, recorded_at in warehouse_rows(settings.warehouse, query)
    }


def _ancestors(nodes: Mapping[str, _Node], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        node_id = waiting.pop()
        if node_id in nodes and node_id not in found:
            found.add(node_id)
            waiting += nodes[node_id].reads
    return found


def _is_behind(nodes: Mapping[str, _Node], node: _Node) -> bool:
    # A view shows what it reads as it is.
    return not node.is_view and any(nodes[read].recorded_at > node.recorded_at for read in _tables_read(nodes, node))


def _tables_read(nodes: Mapping[str, _Node], node: _Node) -> Iterator[str]:
    """What a node reads, views replaced by what they read; sources are not built."""
    for read in node.reads:
        if read in nodes and nodes[read].is_view:
            yield from _tables_read(nodes, nodes[read])
        elif read in nodes:
            yield read
