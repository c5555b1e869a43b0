"""dbt finds this module by its name: for ``rcm`` and for a plain ``dbt`` it reads the control table before a build.

On the target spark it opens the session, too.
"""

import contextlib
import os
from pathlib import Path

from dbt.flags import get_flags
from dbt.plugins.manager import dbtPlugin

_WITHOUT_ENGINE = ("parse", "list", "clean", "deps", "init")


class SparkSessionPlugin(dbtPlugin):
    """dbt-spark uses the session that the process has; without this one it would make one without Delta Lake."""

    def initialize(self) -> None:
        """Called by dbt before it reads the project."""
        flags = get_flags()  # type: ignore[no-untyped-call]
        target = flags.TARGET or os.environ.get("RCM_TARGET")
        if self.project_name != "rcm" or target != "spark" or flags.WHICH in _WITHOUT_ENGINE:
            return
        # Every dbt of this environment comes by here, and only these few need the rest of the package.
        from ingestion.base.settings import read_settings
        from rcm.warehouse.spark_session import open_spark_session

        open_spark_session(read_settings())


class LeftOutPlugin(dbtPlugin):
    """A system whose declaration is broken is left out of a build by name; the others are built."""

    def initialize(self) -> None:
        """Called by dbt before it reads the project."""
        flags = get_flags()  # type: ignore[no-untyped-call]
        if self.project_name != "rcm":
            return
        from rcm.warehouse.left_out import BUILDING, leave_out_of_this_build, set_variable

        if flags.WHICH not in BUILDING:
            set_variable("")
            return
        project_dir = Path(flags.PROJECT_DIR).resolve()
        with contextlib.chdir(project_dir):
            leave_out_of_this_build(project_dir)


plugins = [SparkSessionPlugin, LeftOutPlugin]
