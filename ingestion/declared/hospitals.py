"""Which hospitals there are: data may name one (``map.source_system``), and only a listed one."""

import re
from collections.abc import Mapping, Sequence

from ingestion.declared.expressions import Binder
from ingestion.declared.specs import SystemSpec, TableSpec

# Key of a map that says whose a record is.
SOURCE_SYSTEM = "source_system"
# The rule that rejects a row of any other hospital.
UNLISTED = "hospital_not_listed"
_FILE = "_source_file"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def hospitals_listed(
    listed: Mapping[str, Sequence[str]], systems: Mapping[str, SystemSpec], of_everybody: frozenset[str]
) -> frozenset[str]:
    """Names that data may give for a hospital.

    These are the listed systems with records of their own, and entries without tables (``hospital_z: []``), which add
    a hospital that only other systems' files name. A system whose files name their hospitals is none, nor is a code
    table.

    Args:
        listed: Systems of the list with their tables, the broken ones too: a hospital's mistake does not hold back
            what others send about it.
        systems: Declared systems by name.
        of_everybody: Entities whose records belong to no hospital.
    """
    return frozenset(name for name, tables in listed.items() if _is_hospital(systems.get(name), tables, of_everybody))


def _is_hospital(system: SystemSpec | None, tables: Sequence[str], of_everybody: frozenset[str]) -> bool:
    naming = {table.name for table in system.tables if SOURCE_SYSTEM in table.column_map} if system else set()
    return not tables or any(table not in naming and table not in of_everybody for table in tables)


class HospitalsOfFiles:
    """Judges the hospitals that the names of a table's files give, by a database in memory.

    Args:
        system: The system whose pattern matches the files.
        table: Its table.
    """

    def __init__(self, system: SystemSpec, table: TableSpec) -> None:
        self._listed = system.hospitals
        self._expression = table.column_map.get(SOURCE_SYSTEM)
        self._binder = Binder({}) if self._expression is not None else None
        if self._binder is not None and not self._binder.reads_only(str(self._expression), [_FILE]):
            # Rows give it: silver rejects those of a hospital that is not listed.
            self._binder = None

    def problem(self, file_name: str) -> str | None:
        """What is wrong with the hospital of a file; None where it is listed, or its name does not decide.

        Args:
            file_name: Path of the file below the landing folder.
        """
        if self._binder is None:
            return None
        name = self._binder.value(str(self._expression), {_FILE: file_name})
        if name in self._listed:
            return None
        if name is None:
            return "its name gives no hospital; rename it as map.source_system expects"
        if not _NAME.fullmatch(name):
            # Whatever else stands in a name may be a patient's.
            return "its name gives a hospital that cannot be listed; rename it as map.source_system expects"
        return (
            f"is of {name}, which is no listed hospital; rename the file, or add the hospital on purpose with its YAML "
            f"and its line in vars.systems, or with the line '{name}: []' where it has no tables of its own"
        )
