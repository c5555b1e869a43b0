"""The pins of requirements/: each with the hashes of its files, without addresses, and installed with their check."""

import re
from pathlib import Path

import pytest

from tests.python.lakehouses import PROJECT

PINS = sorted(path for path in (PROJECT / "requirements").glob("*.txt") if path.name != "system-packages.txt")


def requirements(path: Path) -> list[str]:
    """Entries of a requirements file, continued lines joined."""
    return [line for line in path.read_text().replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.stem)
def test_every_package_is_pinned_with_its_hashes_and_no_address(path: Path) -> None:
    assert requirements(path)
    for entry in requirements(path):
        assert re.match(r"[a-z0-9._\[\]-]+==\S+ ", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]
    assert "://" not in path.read_text()


def test_every_installation_of_pins_checks_the_hashes() -> None:
    texts = {path: path.read_text() for path in [PROJECT / "Makefile", *(PROJECT / "docs").glob("*.md")]}
    for path, text in texts.items():
        for command in re.findall(r"pip install.* -r requirements/.*|install = .*|\|\| .*pip install.*\$\(2\).*", text):
            assert "--require-hashes" in command, f"{path.name}: {command}"
