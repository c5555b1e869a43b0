"""Where files and tables are: a folder of this machine or a container of Azure storage, behind one interface."""

from ingestion.base.storage.location import CHUNK_BYTES, Location

__all__ = ["CHUNK_BYTES", "Location"]
