"""Keeps the process of ``rcm`` small: a million rows fit into 300 MiB."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is kept out of this process", name=fullname)


def block_pandas_import() -> None:
    """Set up what Arrow reads when it is first imported.

    Arrow and DuckDB import pandas wherever it is installed, 50 MiB that no command needs. Arrow's own allocator keeps
    20 MiB that the system's gives back.
    """
    if "pyarrow" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas())
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def allow_pandas_import() -> None:
    """Let pandas in after all: PySpark does not start without it."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _NoPandas)]
