"""Close a test run: name every test left out and why, fail if one lacked a component, print the totals last."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# The one reason for which a test may be left out: a data set that is not part of this repository.
ALLOWED_REASON = "data set not present"


def main(report: Path, make_status: int) -> int:
    """Print the closing line of a run from its JUnit report.

    Args:
        report: The JUnit file; missing where the run stopped before the tests.
        make_status: Exit status of the test command.

    Returns:
        0 when everything passed and nothing was left out for a missing component, else 1.
    """
    if not report.exists():
        sys.stdout.write("===== the run stopped before the tests: 1 error =====\n")
        return 1
    suite = ElementTree.parse(report).getroot().find("testsuite")  # noqa: S314 -- written by this very run
    if suite is None:
        sys.stdout.write("===== the test report is empty: 1 error =====\n")
        return 1

    left_out = 0
    for case in suite.iter("testcase"):
        skipped = case.find("skipped")
        if skipped is not None:
            reason = skipped.get("message", "")
            left_out += ALLOWED_REASON not in reason
            sys.stdout.write(f"left out: {case.get('classname')}::{case.get('name')}: {reason}\n")

    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    passed = counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"]
    failed = counts["failures"] + left_out
    errors = counts["errors"]
    if make_status and not (failed or errors):
        sys.stdout.write("the tests passed, but `make lint` did not: see above\n")
        errors = 1
    parts = [f"{failed} failed"] if failed else []
    parts.append(f"{passed} passed")
    if counts["skipped"] > left_out:
        parts.append(f"{counts['skipped'] - left_out} skipped")
    if errors:
        parts.append(f"{errors} errors")
    sys.stdout.write(f"===== {', '.join(parts)} in {float(suite.get('time', 0)):.2f}s =====\n")
    return int(bool(failed or errors or not passed))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
