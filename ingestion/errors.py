"""What can go wrong in an ingest, each as one line that names the source and the remedy, never a value or a secret."""


class IngestionError(Exception):
    """One source, file or table could not be loaded; the others go on."""


class SpecError(Exception):
    """The control table or the settings contradict themselves; nothing is loaded.

    Args:
        problems: One line per problem: file, system, table and key, what is wrong, what to do.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceUnavailableError(IngestionError):
    """No connection to the source, or it stopped answering after every retry."""


class SchemaDriftError(IngestionError):
    """The source no longer has the declared columns or types."""


class NullWatermarkError(IngestionError):
    """Rows without a watermark, in a table whose load.null_watermark is fail."""


class UnreadableFileError(IngestionError):
    """A landing file cannot be read as the declared table."""


class EmptyFullLoadError(IngestionError):
    """A full load without a row would read as the deletion of everything."""


class BorderRejectedError(IngestionError):
    """A batch does not keep the contract its declaration gives; it was not committed."""


class LoadConflictError(IngestionError):
    """Another run committed to the same table meanwhile; this run wrote nothing."""


class WarehouseBusyError(IngestionError):
    """Another process builds the warehouse, which DuckDB then gives to nobody else."""


class SecretError(IngestionError):
    """A ``secret://NAME`` cannot be revealed; names the secret and the store, never another secret."""


class BorderUnavailableError(IngestionError):
    """The border check could not judge a batch; nothing was committed."""


class MonthCloseError(IngestionError):
    """A month cannot be closed or reopened as things stand; nothing was written."""
