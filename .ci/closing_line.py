"""Close a test run: name every skipped test and why, fail if one lacked a component, print the totals last."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# The one reason for which a test may be skipped: a data set that is not part of this repository.
ALLOWED_REASON = "data set not present"


def main(make_status: int, reports: list[Path]) -> int:
    """Print the closing line of a run from its JUnit reports.

    Args:
        make_status: Exit status of the test commands.
        reports: One JUnit file of each command; missing where it stopped before its tests.

    Returns:
        0 when everything passed and no test was skipped for a missing component, else 1.
    """
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    seconds, lacking = 0.0, 0
    for report in reports:
        suite = _suite(report)
        if suite is None:
            sys.stdout.write(f"===== {report}: the run stopped before the tests: 1 error =====\n")
            return 1
        lacking += _name_skipped(suite)
        seconds += float(suite.get("time", 0))
        for name in totals:
            totals[name] += int(suite.get(name, 0))

    passed = totals["tests"] - totals["failures"] - totals["errors"] - totals["skipped"]
    failed = totals["failures"] + lacking
    errors = totals["errors"]
    if make_status and not (failed or errors):
        sys.stdout.write("the tests passed, but `make lint` did not: see above\n")
        errors = 1
    parts = [f"{failed} failed"] if failed else []
    parts.append(f"{passed} passed")
    if totals["skipped"] > lacking:
        parts.append(f"{totals['skipped'] - lacking} skipped")
    if errors:
        parts.append(f"{errors} errors")
    sys.stdout.write(f"===== {', '.join(parts)} in {seconds:.2f}s =====\n")
    return int(bool(failed or errors or not passed))


def _suite(report: Path) -> ElementTree.Element | None:
    """The results of one report; None where there are none."""
    if not report.exists():
        return None
    return ElementTree.parse(report).getroot().find("testsuite")  # noqa: S314 -- written by this very run


def _name_skipped(suite: ElementTree.Element) -> int:
    """Name every skipped test; how many of them lacked a component."""
    lacking = 0
    for case in suite.iter("testcase"):
        skipped = case.find("skipped")
        if skipped is not None:
            reason = skipped.get("message", "")
            lacking += ALLOWED_REASON not in reason
            sys.stdout.write(f"skipped: {case.get('classname')}::{case.get('name')}: {reason}\n")
    return lacking


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
