"""The documentation site: built strictly, self-contained, readable in a real browser at any width, light or dark."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml
from playwright.sync_api import Browser

from docs.generate_tables import MARKER, TABLES
from tests.python.project.tabs import closed_in_itself

ROOT = Path(__file__).resolve().parents[3]
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")
ROOT_PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")


def build(project: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a project as `make docs-pages` does."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT, folder)
    assert built.returncode == 0, built.stderr
    return folder


@dataclass
class Read(HTMLParser):
    """What a page leads to, what it loads, and where one can jump to in it."""

    leads_to: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := said.get(name))}
        if tag == "a" and (href := said.get("href")) is not None:
            self.leads_to.append(href)
        if tag in ("script", "img", "iframe", "source") and (src := said.get("src")):
            self.loads.append(src)
        if tag == "link" and (href := said.get("href")) and said.get("rel") != "canonical":
            self.loads.append(href)


def read(page: Path) -> Read:
    parser = Read()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_every_link_of_the_built_site_leads_somewhere(site: Path) -> None:
    pages = {page: read(page) for page in sorted(site.glob("**/*.html")) if page.name != "404.html"}
    broken = []
    for page, found in pages.items():
        for link in found.leads_to:
            address, anchor = urldefrag(link)
            if urlsplit(address).scheme:
                continue
            target = (page.parent / unquote(address)).resolve() if address else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (anchor and target in pages and anchor not in pages[target].anchors):
                broken.append(f"{page.name}: {link}")
    # 19 pages of docs/, four of the root, two placeholders.
    assert len(pages) >= 25
    assert broken == []


def test_links_to_other_hosts_are_whole_and_encrypted(site: Path) -> None:
    links = {link for page in site.glob("**/*.html") for link in read(page).leads_to if urlsplit(link).scheme}
    assert [link for link in sorted(links) if not re.match(r"https://[a-z0-9.-]+\.[a-z]+(/|$)", link)] == []


def test_pages_load_nothing_from_another_host(site: Path) -> None:
    loaded = {src for page in site.glob("**/*.html") for src in read(page).loads}
    styles = [
        re.findall(r"(?:url\(|@import )[\"']?(https?:[^)\"']+)", css.read_text()) for css in site.glob("**/*.css")
    ]
    assert [src for src in sorted(loaded) if src.startswith(("http:", "https:", "//"))] == []
    assert [address for addresses in styles for address in addresses] == []


def test_every_page_of_docs_is_in_the_menu_once() -> None:
    menu = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    named = Counter(pages_of(menu))
    assert [page for page, times in named.items() if times > 1] == []
    assert {page.name for page in ROOT.glob("docs/*.md")} <= set(named)


def test_every_reader_has_a_place_to_start(site: Path) -> None:
    index = read(site / "index.html")
    assert {"finance-analyst", "data-engineer", "ai-engineer"} <= index.anchors
    assert {"for-analysts.html", "#for-data-engineers", "phi.html#for-ai-engineers"} <= set(index.leads_to)


@dataclass
class Cells(HTMLParser):
    """The text of every cell of a page's tables, row by row, without markup and white space."""

    rows: list[list[str]] = field(default_factory=list)
    is_in_cell: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.is_in_cell = self.is_in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.is_in_cell:
            self.rows[-1][-1] += "".join(data.split())


def cell(markdown: str) -> str:
    """A cell's text as a reader sees it, without white space."""
    parts = markdown.replace("\\|", "|").split("`")
    text = [part if number % 2 else LINK.sub(r"\1", part) for number, part in enumerate(parts)]
    return "".join("".join(text).split())


@pytest.mark.parametrize("name", TABLES)
def test_each_generated_table_is_built_into_one_page_row_by_row(site: Path, name: str) -> None:
    (page,) = [page for page in ROOT.glob("docs/*.md") if name in MARKER.findall(page.read_text())]
    shown = Cells()
    shown.feed((site / page.with_suffix(".html").name).read_text(encoding="utf-8"))
    rows = [line for line in TABLES[name]().splitlines() if line.startswith("| ") and not line.startswith("| --- ")]
    wanted = [[cell(text) for text in UNESCAPED_PIPE.split(line)[1:-1]] for line in rows]
    assert len(wanted) > 10
    assert [row for row in wanted if row not in shown.rows] == []


def test_a_marker_without_a_table_fails_the_build(tmp_path: Path) -> None:
    page = copy_of_the_pages(tmp_path) / "docs/data-quality.md"
    page.write_text(page.read_text().replace("<!-- generated: rules -->", "<!-- generated: ruels -->"))

    built = build(tmp_path, tmp_path / "site")

    assert built.returncode == 1
    assert "no generated table 'ruels'" in built.stderr


def pages_of(menu: object) -> Iterator[str]:
    if isinstance(menu, str):
        yield menu
    elif isinstance(menu, list):
        for entry in menu:
            yield from pages_of(entry)
    elif isinstance(menu, dict):
        for entry in menu.values():
            yield from pages_of(entry)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("(operations.md)", "(operation.md)", "operation.md"),
        ("(operations.md#a-bad-file)", "(operations.md#a-good-file)", "a-good-file"),
    ],
    ids=["page", "heading"],
)
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, before: str, after: str, complaint: str) -> None:
    page = copy_of_the_pages(tmp_path) / "docs/index.md"
    text = page.read_text()
    assert before in text
    page.write_text(text.replace(before, after))

    built = build(tmp_path, tmp_path / "site")

    assert built.returncode == 1
    assert complaint in built.stderr


def test_a_diagram_that_was_changed_and_not_drawn_again_fails_the_build(tmp_path: Path) -> None:
    page = copy_of_the_pages(tmp_path) / "docs/architecture.md"
    text = page.read_text()
    assert "one SQL scan" in text
    page.write_text(text.replace("one SQL scan", "a single SQL scan"))

    built = build(tmp_path, tmp_path / "site")

    assert built.returncode == 1
    assert "run make docs-pictures" in built.stderr


def copy_of_the_pages(project: Path) -> Path:
    shutil.copytree(ROOT / "docs", project / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("models", "macros"):
        shutil.copytree(ROOT / folder, project / folder)
    for name in (*ROOT_PAGES, "mkdocs.yml", "dbt_project.yml"):
        shutil.copy(ROOT / name, project / name)
    return project


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_screen_and_ask_nobody(
    site: Path, browser: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    with closed_in_itself(browser, width, scheme) as page:
        for name in ("index", "architecture", "data-dictionary", "first-hospital"):
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the screen"
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_reader_finds_the_architecture_and_its_picture(site: Path, browser: Browser) -> None:
    with closed_in_itself(browser) as page:
        page.goto((site / "index.html").as_uri())
        page.get_by_role("link", name="Architecture", exact=True).first.click()
        picture = page.locator(".picture svg")
        picture.get_by_text("append-only").first.wait_for()
        box = picture.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) > 400


def test_search_finds_a_kpi_where_the_site_is_opened_from_the_disk(site: Path, browser: Browser) -> None:
    with closed_in_itself(browser) as page:
        page.goto((site / "index.html").as_uri())
        search = page.get_by_role("textbox", name="Search")
        search.click()
        page.get_by_text("Type to start searching").wait_for()
        search.press_sequentially("point-of-service")
        page.locator(".md-search-result__link", has_text="Point-of-service").first.click()
        page.wait_for_url("**/kpi-dictionary.html*")


def test_docs_without_a_warehouse_say_what_to_do_first(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "docs", f"RCM_LAKEHOUSE={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2
    assert "run make demo first" in done.stderr
