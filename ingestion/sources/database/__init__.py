"""Kind ``database``: source tables read inside a watermark window, from SQLite, PostgreSQL and SQL Server."""

from ingestion.sources.database.reading import extract, open_database

__all__ = ["extract", "open_database"]
