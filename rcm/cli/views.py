"""Tables and lines of the terminal: plans, loads, states of tables, KPIs and the accounting of rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from rich import box
from rich.markup import escape
from rich.table import Table

from ingestion.base.messages import age
from ingestion.bronze.audit import LoadResult
from ingestion.loads.maintenance import Maintained
from ingestion.loads.states import TableState
from ingestion.sources.planned import PlannedLoad
from rcm.decisions import Decided, WaitingBatch
from rcm.finance.receivables import Receivable
from rcm.warehouse.state import ALL_HOSPITALS, Kpi, OpenQuarantine, RowAccount

_STYLES = {
    "committed": "green",
    "load": "green",
    "failed": "bold red",
    "blocked": "bold red",
    "inactive": "dim",
    "conflict": "yellow",
    "unchanged": "dim",
    "nothing": "dim",
}


def plan_view(planned: Sequence[PlannedLoad]) -> Table:
    """One line per planned load."""
    view = _view("table", "would load", "why")
    for load in planned:
        view.add_row(
            load.table.label,
            f"[green]{load.load_type}[/green]" if load.action == "load" else _styled(load.action),
            escape(load.explanation),
        )
    return view


def plan_line(planned: Sequence[PlannedLoad]) -> str:
    """The plan in one sentence: how many loads of each kind."""
    loads = Counter(load.load_type for load in planned if load.action == "load")
    skipped = Counter(load.action for load in planned if load.action != "load")
    parts = [f"{count} {kind}" for kind, count in sorted(loads.items())]
    total = loads.total()
    said = f"{total} load{'' if total == 1 else 's'} ({', '.join(parts)})" if parts else "Nothing would load"
    names = {"nothing": "with nothing to read", "archive": "known and archived"}
    rest = [f"{count} {names.get(action, action)}" for action, count in sorted(skipped.items())]
    return ", ".join([said, *rest])


def results_view(results: Iterable[LoadResult]) -> Table:
    """One line per table: its loads of this run together, in rows and seconds."""
    view = _view("table", "outcome", "read", "new", "known", "rejected", "s", numbers=range(2, 7))
    for label, loads in groupby(results, key=lambda result: result.label):
        of_table = list(loads)
        view.add_row(
            label,
            ", ".join(_styled(outcome) for outcome in sorted({result.status for result in of_table})),
            f"{sum(result.rows_read for result in of_table):,}",
            f"{sum(result.rows_written for result in of_table):,}",
            f"{sum(result.rows_duplicate for result in of_table):,}",
            f"{sum(result.rows_rejected for result in of_table):,}",
            f"{sum(result.seconds for result in of_table):.1f}",
        )
    return view


def states_view(states: Sequence[TableState], now: datetime) -> Table:
    """One line per table; ``now`` is UTC without zone."""
    view = _view("table", "rows", "last batch", "its rows", "last check", numbers=(1, 2, 3))
    for state in states:
        checked = ""
        if state.status and state.checked_at:
            times = f" {state.failures} times" if state.failures > 1 else ""
            checked = f"{_styled(state.status)}{times}, {age(state.checked_at, now)} ago"
        view.add_row(
            f"{state.system}.{state.table}",
            f"{state.rows:,}",
            f"{age(state.last_batch_at, now)} ago" if state.last_batch_at else "[dim]never[/dim]",
            f"{state.last_batch_rows:,}" if state.last_batch_rows is not None else "",
            checked,
        )
    return view


def maintained_view(done: Sequence[Maintained]) -> Table:
    """One line per table, in files."""
    view = _view("table", "files before", "after", "vacuumed", "left by kills", "", numbers=range(1, 5))
    for table in done:
        counts = (table.files_before, table.files_after, table.vacuumed, table.orphans)
        view.add_row(table.label, *(f"{count:,}" for count in counts), table.problem or "")
    return view


def decisions_view(waiting: Sequence[WaitingBatch], decided: Sequence[Decided]) -> Table:
    """One line per batch that waits for a decision, then those decided, the newest first."""
    view = _view("batch", "decision", "by", "on", "found", "reason")
    for batch in waiting:
        view.add_row(batch.batch_id, "[bold red]waits[/bold red]", "", "", escape(batch.finding), "")
    for made in decided:
        found = escape(made.finding or "")
        day = f"{made.decided_at:%Y-%m-%d}"
        view.add_row(made.batch_id, made.decision, escape(made.decided_by), day, found, escape(made.reason))
    return view


def quarantine_view(waiting: Sequence[OpenQuarantine]) -> Table:
    """Open quarantine by entity, a column per source system."""
    systems = sorted({entry.source_system for entry in waiting})
    view = _view("open quarantine", *systems, numbers=range(1, len(systems) + 1))
    for entity, entries in groupby(waiting, key=lambda entry: entry.entity):
        records = {entry.source_system: entry.records for entry in entries}
        view.add_row(entity, *(f"{records[system]:,}" if system in records else "" for system in systems))
    return view


def kpi_view(kpis: Sequence[Kpi]) -> Table:
    """A line per KPI, a column per hospital, all hospitals last, then the target; below it, who counts in all of them.

    Each column says its day. What has no value says why.
    """
    named = sorted({kpi.hospital_name for kpi in kpis} - {ALL_HOSPITALS})
    hospitals = [*named, ALL_HOSPITALS]
    days = {kpi.hospital_name: _day(kpi) for kpi in kpis if kpi.hospital_name != ALL_HOSPITALS}
    same_day = len(set(days.values())) == 1
    # A hospital that stopped sending must not look up to date.
    headings = hospitals if same_day else [f"{name}, {days[name]}" for name in named] + [ALL_HOSPITALS]
    view = _view("KPI", *headings, "target", numbers=range(1, len(hospitals) + 1))
    view.title = f"KPIs as of {days[named[0]]}" if same_day else "KPIs, each hospital as of its last complete month"
    view.title_style = "bold"
    view.title_justify = "left"
    for label, group in groupby(kpis, key=lambda kpi: kpi.kpi_label):
        of_label = {kpi.hospital_name: kpi for kpi in group}
        target = next(iter(of_label.values())).target
        values = (escape(_measure(of_label[name])) if name in of_label else "-" for name in hospitals)
        view.add_row(escape(label), *values, escape(target))
    view.caption = escape("\n".join(_membership(kpis)))
    view.caption_style = ""
    view.caption_justify = "left"
    return view


def _day(kpi: Kpi) -> str:
    return f"{kpi.as_of_date}{', month still runs' if kpi.is_complete is False else ''}"


def _membership(kpis: Sequence[Kpi]) -> list[str]:
    """Who counts in all hospitals: in most KPIs, and in which KPIs others do."""
    labels: dict[tuple[str, str | None], list[str]] = {}
    for kpi in kpis:
        if kpi.hospital_name == ALL_HOSPITALS and kpi.members is not None:
            labels.setdefault((kpi.members, kpi.left_out), []).append(kpi.kpi_label)
    lines: list[str] = []
    for (members, left_out), of_members in sorted(labels.items(), key=lambda item: -len(item[1])):
        name = ", ".join(of_members) if lines else ALL_HOSPITALS
        lines.append(f"{name}: {members}{f'; left out: {left_out}' if left_out else ''}")
    return lines


def receivables_view(found: Sequence[Receivable], as_of: date) -> Table:
    """One line per hospital, or hospital and payer group, and their total, in dollars and cents."""
    grouped = found[0].payer_group is not None
    names = ("hospital", "payer group") if grouped else ("hospital",)
    view = _view(*names, "as known then", "as restated now", "as signed", numbers=range(len(names), len(names) + 3))
    view.title = f"Accounts receivable as of {as_of}"
    view.title_style = "bold"
    view.title_justify = "left"
    for line in found:
        signed = _dollars(line.as_signed) if line.as_signed is not None else "-"
        named = (line.hospital_code, line.payer_group or "") if grouped else (line.hospital_code,)
        view.add_row(*map(escape, named), _dollars(line.known_then), _dollars(line.restated_now), signed)
    totals = (sum(line.known_then for line in found), sum(line.restated_now for line in found))
    view.add_row("all", *([""] if grouped else []), *(_dollars(Decimal(total)) for total in totals), "")
    return view


def accounting_line(account: RowAccount) -> str:
    """One sum that accounts for every row of bronze."""
    line = (
        f"{account.bronze:,} rows in bronze = {account.current:,} current + {account.superseded:,} superseded "
        f"+ {account.duplicates:,} duplicates + {account.quarantined:,} quarantined + {account.rejected:,} rejected"
    )
    # Rows of batches that a person has to decide about, or refused, are rare: a line without them is shorter.
    line += f" + {account.waiting:,} waiting for a decision" if account.waiting else ""
    line += f" + {account.refused:,} refused" if account.refused else ""
    if account.difference:
        line += f"; {account.difference:,} NOT ACCOUNTED FOR, see silver.dq_batch_reconciliation"
    return line


def _measure(kpi: Kpi) -> str:
    if kpi.value is None:
        return kpi.unknown_reason or "-"
    if kpi.unit == "$":
        return f"{'-' if kpi.value < 0 else ''}${abs(kpi.value):,.0f}"
    return f"{kpi.value:,.1f}{'%' if kpi.unit == '%' else ' ' + kpi.unit}"


def _dollars(amount: Decimal) -> str:
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


def _styled(outcome: str) -> str:
    style = _STYLES.get(outcome, "cyan")
    return f"[{style}]{outcome.replace('_', ' ')}[/{style}]"


def _view(*headers: str, numbers: Iterable[int] = ()) -> Table:
    view = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    right = set(numbers)
    for index, header in enumerate(headers):
        view.add_column(header, justify="right" if index in right else "left", overflow="fold")
    return view
