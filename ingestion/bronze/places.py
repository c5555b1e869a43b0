"""Where the tables of bronze and the audit log are."""

from ingestion.base.settings import Settings
from ingestion.bronze import BronzeTable
from ingestion.bronze.audit import AuditLog
from ingestion.declared.specs import TableSpec


def bronze_table(settings: Settings, table: TableSpec) -> BronzeTable:
    """The bronze table of a declaration: bronze/<system>/<table>."""
    return BronzeTable(settings.lakehouse / "bronze" / table.system / table.name, table)


def audit_log(settings: Settings) -> AuditLog:
    """The lakehouse's audit tables: audit/."""
    return AuditLog(settings.lakehouse / "audit")
