"""Kind ``database``: source tables read inside a watermark window, from SQLite, PostgreSQL and SQL Server."""

from ingestion.extractors.database.reading import extract

__all__ = ["extract"]
