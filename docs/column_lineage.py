"""Write the lineage page: for every column of every model, which columns it is computed from, back to the source.

dbt-colibri reads dbt's manifest and catalog and the compiled SQL in them, and makes one page that needs no network.
Its usage statistics and its question for a newer version are switched off, and the page gets a way back to the site.
"""

import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

# In the free corner of dbt-colibri's bar, above everything of its own.
BACK = (
    '<a href="../index.html" style="position:fixed;right:16px;top:9px;z-index:99999;font:14px system-ui;color:#00695c">'
    "Documentation</a>"
)


class LineageError(Exception):
    """A column whose lineage could not be read; the page would show it as if it came from nowhere."""


class Problems(logging.Handler):
    """Keeps what dbt-colibri only logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.messages.append(record.getMessage())


@dataclass(frozen=True)
class Edge:
    """One column is computed from another; nodes by dbt's unique id, columns in lower case."""

    source: str
    source_column: str
    target: str
    target_column: str


def write(target: Path, page: Path) -> list[Edge]:
    """Write the page from dbt's artefacts and return what it shows.

    Args:
        target: Folder with manifest.json and catalog.json of one ``dbt docs generate``.
        page: The HTML file to write.

    Raises:
        LineageError: The SQL of some column is not understood.
    """
    os.environ |= {"DO_NOT_TRACK": "1", "DBT_COLIBRI_NO_VERSION_CHECK": "1"}
    from dbt_colibri.lineage_extractor.extractor import DbtColumnLineageExtractor
    from dbt_colibri.report.generator import DbtColibriReportGenerator
    from sqlglot.optimizer.scope import Scope

    if not hasattr(Scope, "union_scopes"):
        # The name that dbt-colibri 0.3 asks for; sqlglot 30 has it as set_operation_scopes. Without it every column
        # behind a union would have no lineage.
        setattr(Scope, "union_scopes", property(lambda scope: scope.set_operation_scopes))  # noqa: B010
    problems = Problems()
    for name in ("colibri", "sqlglot"):
        logging.getLogger(name).addHandler(problems)
    page.parent.mkdir(parents=True, exist_ok=True)
    extractor = DbtColumnLineageExtractor(str(target / "manifest.json"), str(target / "catalog.json"))
    DbtColibriReportGenerator(extractor, disable_telemetry=True).generate_report(str(page.parent))
    unread = page.parent / "colibri-parsing-errors.json"
    if unread.exists():
        problems.messages.append(unread.read_text(encoding="utf-8"))
    if problems.messages:
        raise LineageError("\n".join(problems.messages))
    written = page.read_text(encoding="utf-8")
    page.write_text(written.replace("</body>", f"{BACK}</body>"), encoding="utf-8")
    # The page holds all of it; the file beside it is for other programs, such as this one.
    data = page.parent / "colibri-manifest.json"
    edges = json.loads(data.read_text(encoding="utf-8"))["lineage"]["edges"]
    data.unlink()
    return [
        Edge(edge["source"], edge["sourceColumn"].lower(), edge["target"], edge["targetColumn"].lower())
        for edge in edges
    ]


def main(target: str, page: str) -> int:
    """Write the page; exit code 1 names the columns whose lineage could not be read."""
    try:
        write(Path(target), Path(page))
    except LineageError as error:
        sys.stderr.write(f"lineage: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
