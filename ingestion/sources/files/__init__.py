"""Kind ``files``: CSV files of a landing folder, each loaded exactly once by the hash of its bytes."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from ingestion.base.errors import SourceUnavailableError, UnlistedHospitalError
from ingestion.base.findings import Finding, ok, warning
from ingestion.base.settings import Settings
from ingestion.base.storage import Location
from ingestion.bronze.extraction import Extraction
from ingestion.bronze.places import bronze_table
from ingestion.declared.hospitals import HospitalsOfFiles
from ingestion.declared.specs import SystemSpec, TableSpec
from ingestion.sources.connection import connection_value
from ingestion.sources.files import reading
from ingestion.sources.files.again import plan_again
from ingestion.sources.files.options import FilesOptions
from ingestion.sources.kind import SourceKind
from ingestion.sources.landing import LandingFile, waiting_files
from ingestion.sources.options import Options
from ingestion.sources.planned import PlannedLoad, Request, plan_known_file


class Files(SourceKind):
    """Files that a hospital or clearing house drops into a folder."""

    kind: ClassVar[str] = "files"
    options: ClassVar[type[Options]] = FilesOptions
    keeps_rejects: ClassVar[bool] = True

    def plan(self, settings: Settings, system: SystemSpec, table: TableSpec, request: Request) -> list[PlannedLoad]:
        """One load per waiting file; files whose bytes were loaded before are only archived."""
        batches = bronze_table(settings, table).counted_batches()
        landing = self.landing(settings, system)
        if landing.is_missing_folder and settings.values.get(system.connection.env):
            raise SourceUnavailableError(
                f"{landing}: is no folder; mount it, make it, or correct {system.connection.env}"
            )
        pattern, mode = FilesOptions.of(table).files, table.load.mode
        planned = list(plan_again(settings, system, table, landing, batches))
        if any(load.action == "blocked" for load in planned):
            return planned
        loaded = [batch.file_sha256 for batch in reversed(batches)]
        loaded += [load.file.sha256 for load in planned if load.file is not None]
        hospitals = HospitalsOfFiles(system, table)
        for file in waiting_files(landing, pattern, (system.name, system.label, table.name, *sorted(system.hospitals))):
            # Copies in one folder are deduplicated; of full files that replace each other only the last one counts.
            if file.sha256 in (loaded[-1:] if mode == "full" else loaded):
                planned.append(plan_known_file(system, table, file, batches, mode))
            elif stranger := hospitals.problem(file.path or file.name):
                error = UnlistedHospitalError(f"{file.name}: {stranger}")
                planned.append(PlannedLoad(system, table, "blocked", mode, "is refused", file=file, error=error))
            else:
                effect = "replaces the whole table" if mode == "full" else "adds to the table"
                planned.append(PlannedLoad(system, table, "load", mode, f"new file, {effect}", file=file))
                loaded.append(file.sha256)
        return planned or [PlannedLoad(system, table, "nothing", mode, f"no file waits as {pattern}")]

    def open(
        self, settings: Settings, planned: PlannedLoad, systems: Sequence[SystemSpec]
    ) -> AbstractContextManager[Extraction]:
        """The rows of one file."""
        if planned.file is None:
            raise AssertionError("a load of this kind has a file")
        return reading.extract(planned.table, planned.file, settings.limits)

    def check(self, settings: Settings, system: SystemSpec, tables: Sequence[TableSpec]) -> Iterator[Finding]:
        """Whether the landing folder is there and answers."""
        place = self.landing(settings, system)
        place.check()
        if place.is_local and not place.local.is_dir():
            yield warning(f"landing folder {place} is not there", "make it, or correct its variable")
        else:
            yield ok(f"landing folder {place}")

    def problems(self, table: TableSpec) -> Iterator[str]:
        """Watermarks, which files do not have, and columns that are not text."""
        if table.load.watermark is not None:
            yield "load.watermark: has no meaning for files, each is loaded once; remove it"
        for column in table.columns:
            if column.data_type != "string":
                yield f"columns: {column.name} is a {column.data_type}; files land as text, declare it string"

    def landing(self, settings: Settings, system: SystemSpec) -> Location:
        """The folder that the system's variable names."""
        return settings.location(connection_value(settings, system))

    def patterns(self, table: TableSpec) -> tuple[str, ...]:
        """The declared pattern."""
        return (FilesOptions.of(table).files,)

    def records_at(self, table: TableSpec, file: LandingFile, lines: Collection[int]) -> Iterator[bytes]:
        """The header and the records that start in these lines."""
        return reading.records_at(table, file, lines)


KINDS = (Files(),)
