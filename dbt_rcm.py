"""dbt finds this module by its name: on the target spark it opens the session, for ``rcm`` and for a plain ``dbt``."""

import os

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


plugins = [SparkSessionPlugin]
