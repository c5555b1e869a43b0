"""``rcm close``, ``rcm reopen`` and ``rcm ar``: months as signed, and A/R as of any day."""

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingestion.base.errors import ErrorLine, IngestionError, SpecError, error_line
from rcm.cli import completion
from rcm.cli.building import rebuild
from rcm.cli.console import (
    AsJson,
    Panel,
    ProjectDir,
    Reason,
    Who,
    examples,
    exit_if,
    output,
    print_errors,
    print_json,
    project,
    read_control,
    records,
    require_reason,
    show,
    signature,
    sound_sources,
)

if TYPE_CHECKING:
    from ingestion.base.settings import Settings
    from ingestion.declared.control_table import ControlTable

commands = typer.Typer()


def _month(offered: completion.Offer) -> Any:  # noqa: ANN401 - what Typer makes of an argument has no public type
    return typer.Argument(metavar="YYYY-MM", help="The month, such as 2026-10.", autocompletion=offered)


HospitalNames = Annotated[
    list[str] | None,
    typer.Option(
        "--hospital",
        metavar="SYSTEM",
        help="Only this hospital, such as hospital_a; may be repeated.",
        autocompletion=completion.hospitals,
    ),
]
OpenMonth = Annotated[str, _month(completion.open_months)]
ClosedMonth = Annotated[str, _month(completion.closed_months)]
# What a close or reopening changes.
AFTER_A_CLOSE = "int_month_closes+"


@commands.command(
    rich_help_panel=Panel.FINANCE,
    epilog=examples(
        ("rcm close 2026-10", "sign October, and every open month before it, for all hospitals"),
        ("rcm close 2026-10 --hospital hospital_a", "for one hospital"),
    ),
)
def close(month: OpenMonth, hospital: HospitalNames = None, by: Who = None, project_dir: ProjectDir = None) -> None:
    """Freeze a month as gold shows it now; later changes to it are the restatement of the first open month."""
    with project(project_dir) as settings:
        from rcm.finance.month_close import close_month, shown_month

        wanted, control = _month_key(month), read_control(settings)
        names, failures = _hospitals(settings, control, hospital), []
        for name in names:
            try:
                done = close_month(settings, control.systems, name, wanted, signature(by))
            except IngestionError as error:
                failures.append(error_line(str(error), type(error)))
                continue
            amount = f"A/R ${done.closing_amount:,.2f}, version {done.version} of {shown_month(done.month)}"
            if done.months:
                span = [shown_month(key) for key in sorted({done.months[0], done.months[-1]})]
                output().print(f"{name}: closed {' to '.join(span)}, {amount}")
            else:
                output().print(f"{name}: {shown_month(done.month)} was closed before, {amount}; nothing changed")
        # A close that was killed before its build is built by the next call, which finds the month closed.
        _end(settings, len(names), failures)


@commands.command(
    rich_help_panel=Panel.FINANCE,
    epilog=examples(
        ('rcm reopen 2026-10 --reason "wrong rate of payer 7"', "then correct, rcm run, and close it again"),
    ),
)
def reopen(
    month: ClosedMonth,
    reason: Reason,
    hospital: HospitalNames = None,
    by: Who = None,
    project_dir: ProjectDir = None,
) -> None:
    """Reopen the last closed month; the old version is kept, and the next close makes a new one."""
    with project(project_dir) as settings:
        from rcm.finance.month_close import reopen_month

        require_reason(reason, "the month is reopened")
        wanted, control = _month_key(month), read_control(settings)
        names, failures = _hospitals(settings, control, hospital), []
        for name in names:
            try:
                version = reopen_month(settings, name, wanted, signature(by), reason)
            except IngestionError as error:
                failures.append(error_line(str(error), type(error)))
                continue
            output().print(f"{name}: {month} is open again; version {version} no longer counts")
        _end(settings, len(names), failures)


@commands.command(
    rich_help_panel=Panel.FINANCE,
    epilog=examples(
        ("rcm ar --as-of 2026-10-31", "what was owed at the end of October, as known then and as restated now"),
        ("rcm ar --as-of 2026-10-31 --by-payer-group --json", "the same by payer group, for a machine"),
    ),
)
def ar(
    as_of: Annotated[str, typer.Option(metavar="DATE", help="The day, yyyy-mm-dd; it counts to its end.")],
    by_payer_group: Annotated[bool, typer.Option("--by-payer-group", help="A line per payer group.")] = False,
    as_json: AsJson = False,
    project_dir: ProjectDir = None,
) -> None:
    """Show accounts receivable as of a day: as known then, as restated now, and as signed at a closed month's end."""
    with project(project_dir) as settings:
        from rcm.cli.views import receivables_view
        from rcm.finance.receivables import receivables

        day = _day(as_of)
        _require_embedded(settings)
        found = receivables(settings.warehouse, day, by_payer_group=by_payer_group)
        if as_json:
            print_json({"as_of_date": day, "receivables": records(found)})
        elif found:
            show(receivables_view(found, day))
        else:
            output().print(f"Nothing was posted up to {day}, or nothing is built yet: rcm run")


def _end(settings: "Settings", hospitals: int, failures: list[ErrorLine]) -> None:
    """Report each failure once, and build what changed."""
    print_errors(*dict.fromkeys(failures))
    exit_if((len(failures) < hospitals and rebuild(settings, AFTER_A_CLOSE)) or bool(failures))


def _hospitals(settings: "Settings", control: "ControlTable", wanted: list[str] | None) -> list[str]:
    from ingestion.declared.problems import advice
    from rcm.finance.month_close import ledger_hospitals

    _require_embedded(settings)
    names = ledger_hospitals(control.systems)
    chosen = sound_sources(control, wanted)
    if chosen is None:
        return names
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise SpecError([f"--hospital {name}: no such hospital; {advice(name, names)}" for name in unknown])
    return list(dict.fromkeys(chosen))


def _require_embedded(settings: "Settings") -> None:
    if not settings.uses_duckdb:
        raise SpecError(["this command reads the embedded warehouse; it needs RCM_TARGET=duckdb"])


def _month_key(text: str) -> int:
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if found is None:
        raise SpecError([f"{text}: not a month; write it as yyyy-mm, such as 2026-10"])
    return int(found[1]) * 100 + int(found[2])


def _day(text: str) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
        raise ValueError(text)
    except ValueError:
        raise SpecError([f"--as-of {text}: not a day; write it as yyyy-mm-dd, such as 2026-10-31"]) from None
