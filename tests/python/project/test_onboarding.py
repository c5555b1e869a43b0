"""The pages about onboarding a hospital, followed word for word in a copy of the project."""

from pathlib import Path

import pytest

from tests.python.project.walkthrough import Followed, copy_of_the_project, follow, run

# Each builds the whole warehouse two or three times.
pytestmark = pytest.mark.timeout(1200)

# Once, over all that the page brought in.
DATA_TESTS = "dbt test --quiet --exclude-resource-type unit_test"


def test_hospital_c_is_onboarded_by_the_page_alone(tmp_path: Path) -> None:
    """Hospital C's files first, then hospital D's database."""
    project = copy_of_the_project(tmp_path)

    assert follow("onboarding-a-hospital.md", project) == Followed(commands=8, shown=2, listed=2)
    assert list(project.glob("lakehouse/landing/hospital_c/*")) == []
    run(project, DATA_TESTS)


def test_the_first_hospital_is_brought_in_by_the_tutorial_alone(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)

    assert follow("first-hospital.md", project) == Followed(commands=9, shown=3, listed=1)
    assert list(project.glob("lakehouse/landing/lakeside/*")) == []
    run(project, DATA_TESTS)
