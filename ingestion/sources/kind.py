"""The interface of a kind of source: everything that a run, a plan or the doctor needs to know about it."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from ingestion.base.findings import Finding
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze.extraction import Extraction
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.landing import LandingFile
from ingestion.sources.options import Options
from ingestion.sources.planned import PlannedLoad, Request

# Word of ``config.meta.kind`` for sources that ``load.extractor`` names.
API = "api"


class SourceKind(Protocol):
    """One kind of source; subclasses define how it is planned, opened and checked, and its other differences.

    Attributes:
        kind: Word of ``config.meta.kind`` that its systems have.
        extractor: Word of ``load.extractor`` that its tables have, None where the kind says it all.
        options: Keys of ``load`` that are its own.
        loads_last: Whether it reads what other tables have in bronze, and so waits for them.
        reads_ranges: Whether it can read a range of watermarks again, as ``--since`` and ``--until`` ask.
        keeps_rejects: Whether lines of its files that cannot be read are kept for a steward to correct.
    """

    kind: ClassVar[str] = API
    extractor: ClassVar[str | None] = None
    options: ClassVar[type[Options]] = Options
    loads_last: ClassVar[bool] = False
    reads_ranges: ClassVar[bool] = False
    keeps_rejects: ClassVar[bool] = False

    @abstractmethod
    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """Loads of one active table: one, or one per waiting file.

        Raises:
            IngestionError: The source's folder or the bronze table cannot be read.
        """

    @abstractmethod
    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """The extraction of one planned load, which closes with the context.

        Args:
            settings: Where the source and bronze are.
            planned: What to read.
            systems: All systems of the control table, for a kind that reads what others have in bronze.

        Raises:
            IngestionError: The source cannot be reached or read.
        """

    @abstractmethod
    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        """Whether the connection of a system works for these active tables; one attempt, without retries.

        Raises:
            IngestionError: It does not; the doctor reports the message.
        """

    def place(self, table: TableSpec) -> object:
        """What a table reads at its address; equal for two tables that read the same."""
        return self.kind, self.extractor, tuple(sorted((key, str(value)) for key, value in table.load.options.items()))

    def follow_up(self, settings: Settings, system: SystemSpec, table: TableSpec) -> PlannedLoad | None:
        """A further load that an increment showed to be needed, once it is committed; None where nothing is.

        Raises:
            IngestionError: The source cannot be asked.
        """
        return None

    def problems(self, table: TableSpec) -> Iterator[str]:
        """Contradictions in a declaration, each ``key: what is wrong; what to do``."""
        yield from ()

    def extras(self, settings: Settings, system: SystemSpec) -> Iterator[str]:
        """Extras of the distribution that a system needs installed."""
        yield from ()

    def landing(self, settings: Settings, system: SystemSpec) -> Location:
        """Folder in which files of the kind wait; only asked where ``patterns`` has any or a load has a file."""
        raise AssertionError("this kind of source has no files")

    def patterns(self, table: TableSpec) -> tuple[str, ...]:
        """Files of the landing folder that belong to a table, as patterns below it."""
        return ()

    def records_at(self, table: TableSpec, file: LandingFile, lines: Collection[int]) -> Iterator[bytes]:
        """Lines of a file, piece by piece, as a file that a steward can correct; only asked where ``keeps_rejects``."""
        raise AssertionError("this kind of source keeps no rejects")
