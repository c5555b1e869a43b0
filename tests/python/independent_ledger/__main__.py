"""Print the differences between a lakehouse's gold and the independent ledger: exit code 1 where there are any.

python -m tests.python.independent_ledger LAKEHOUSE [CONTROL_TABLE]
"""

import sys
from pathlib import Path

from tests.python.independent_ledger import differences
from tests.python.independent_ledger.declared import Project

PROJECT = Path(__file__).parents[3]


def main(lakehouse: str, control_table: str = "models/bronze") -> int:
    """Compare and print; returns the exit code."""
    found = differences(Path(lakehouse), Project(PROJECT, control_table))
    sys.stdout.writelines(f"{difference}\n" for difference in found)
    sys.stdout.write(f"{len(found)} differences\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
