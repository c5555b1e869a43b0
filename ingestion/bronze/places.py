"""Where the tables of bronze and the audit log are."""

from ingestion.base.settings import Settings
from ingestion.bronze import BronzeTable
from ingestion.bronze.audit import AuditLog
from ingestion.bronze.decisions import BatchDecisions
from ingestion.declared.specs import TableSpec


def bronze_table(settings: Settings, table: TableSpec) -> BronzeTable:
    """The bronze table of a declaration: bronze/<system>/<table>."""
    place = settings.lakehouse / "bronze" / table.system / table.name
    return BronzeTable(place, table, batch_decisions(settings))


def audit_log(settings: Settings) -> AuditLog:
    """The lakehouse's audit tables: audit/."""
    return AuditLog(settings.lakehouse / "audit")


def batch_decisions(settings: Settings) -> BatchDecisions:
    """What people decided about batches: ledger/batch_decision."""
    return BatchDecisions(settings.lakehouse / "ledger")
