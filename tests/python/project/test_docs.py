"""What the pages of docs/ say about the project is checked against the project."""

import re
import subprocess
from pathlib import Path

import pytest

from docs.generate_tables import committed

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PAGE = re.compile(r"\bdocs/[a-z_-]+\.(?:md|py)\b")
NAMES_PAGES = {".md", ".py", ".sql", ".toml", ".yaml", ".yml"}
TABLE = re.compile(r"\b(?:silver|silver_deid|deid_keys|history|gold)\.([a-z][a-z0-9_]+)(?![a-z0-9_<*])")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def test_the_committed_tables_agree_with_the_contracts() -> None:
    outdated = [page.name for page, renewed in committed().items() if page.read_text() != renewed]
    assert outdated == [], "run `make docs-tables`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", CODE.sub("", page.read_text()))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_named_in_a_page_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b", " ".join(CODE.findall(page.read_text())))) <= targets


def test_pages_that_code_and_messages_name_exist() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    texts = [ROOT / name for name in tracked.split("\0") if Path(name).suffix in NAMES_PAGES or name == "Makefile"]
    named = {(path.name, page) for path in texts if path.exists() for page in PAGE.findall(path.read_text())}
    assert len(named) > 20
    assert sorted((name, page) for name, page in named if not (ROOT / page).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_named_in_a_page_exist(page: Path) -> None:
    tables = {sql.stem for folder in ("models", "snapshots") for sql in (ROOT / folder).rglob("*.sql")}
    # A name that ends in _ is the beginning of many, such as `silver.cdm_`.
    named = {name for name in TABLE.findall(page.read_text()) if not name.endswith("_")}
    if page.name != "CHANGELOG.md":
        assert sorted(named - tables) == []
