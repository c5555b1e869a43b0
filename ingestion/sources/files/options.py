"""Keys of ``load`` for files of the landing folder."""

from ingestion.sources.landing import Pattern
from ingestion.sources.options import Options


class FilesOptions(Options):
    """Which files belong to the table.

    Attributes:
        files: Pattern below the landing folder; one file is one batch.
    """

    files: Pattern
