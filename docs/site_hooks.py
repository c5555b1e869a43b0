"""MkDocs hooks: what MkDocs does not do by itself for this site.

- CONTRIBUTING.md, CHANGELOG.md, README.md and SECURITY.md stay in the root of the repository, where people and GitHub
  look for them, and are pages of the site as well.
- A link to any other file of the repository has no target in the site: its path is shown instead.
- Tables that repeat what the project declares are built in the place of their markers (docs/generate_tables.py).
- Diagrams are replaced by their drawn pictures.
- dbt's documentation and the lineage page have their places in the menu, and placeholders until `make docs` is run.
"""

import re
from pathlib import PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Link, Navigation, Section
from mkdocs.structure.pages import Page

from docs.generate_tables import with_tables
from docs.pictures import BLOCK, DOCS, Diagram, diagrams

ROOT = DOCS.parent
LOG = get_plugin_logger("site")

ROOT_PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "readme.md",
    "SECURITY.md": "security-policy.md",
}
BUILT_FROM_THE_WAREHOUSE = {
    "dbt/index.html": "Models and columns",
    "lineage/index.html": "Lineage of columns",
}
STAND_IN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><p>{title}: described from a built warehouse, and none is built yet. Run <code>make demo</code>, then
<code>make docs</code>. <a href="../index.html">Back</a></p></body></html>
"""

FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
BUILT_PATH = re.compile(r"`site/((?:dbt|lineage)/index\.html)`")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages of the root, and placeholders for what is built from the warehouse."""
    for name, uri in ROOT_PAGES.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    for uri, title in BUILT_FROM_THE_WAREHOUSE.items():
        files.append(File.generated(config, uri, content=STAND_IN.format(title=title)))
    return files


def on_nav(nav: Navigation, **_: object) -> Navigation:
    """Give what is built from the warehouse its place in the menu."""
    links = [Link(title, uri) for uri, title in BUILT_FROM_THE_WAREHOUSE.items()]
    nav.items.append(Section("Models and lineage", list(links)))
    return nav


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Put drawn pictures in the place of diagrams, and lead links to where things are in the site."""
    name = page.file.src_uri.removesuffix(".md")
    try:
        markdown = with_tables(markdown)
    except KeyError as unknown:
        LOG.warning(f"{name}.md: there is no generated table {unknown}; see TABLES in docs/generate_tables.py")
    in_root = page.file.src_uri in ROOT_PAGES.values()
    drawn = iter([] if in_root else diagrams(name, markdown))
    with_pictures = BLOCK.sub(lambda block: block[0] if in_root else picture(next(drawn)), markdown)
    with_built = BUILT_PATH.sub(r"[`site/\1`](\1)", with_pictures)
    return outside_code(with_built, "" if in_root else "docs")


def picture(diagram: Diagram) -> str:
    """Return a diagram's picture as HTML, so that it takes the colours of the page."""
    if not diagram.is_drawn:
        LOG.warning(f"diagram {diagram.number} of {diagram.page}.md is not drawn as it is now: run make docs-pictures")
        return ""
    return f'<div class="picture">{diagram.svg().strip()}</div>\n'


def outside_code(markdown: str, folder: str) -> str:
    """Return the text with its links led to where things are in the site; code stays as it is.

    Only the pipe of a table's code loses its escape, which GitHub wants and Python-Markdown shows.

    Args:
        markdown: The text.
        folder: Where its file is in the repository, from where its links count.
    """
    parts, end = [], 0
    for code in FENCE.finditer(markdown):
        shown = code[0] if code[1] else code[0].replace("\\|", "|")
        parts += [LINK.sub(lambda link: led(link, folder), markdown[end : code.start()]), shown]
        end = code.end()
    return "".join([*parts, LINK.sub(lambda link: led(link, folder), markdown[end:])])


def led(link: re.Match[str], folder: str) -> str:
    """Return a link with its target in the site, or the path of a file that the site does not have."""
    path = normal(PurePosixPath(folder) / link["path"])
    if path in ROOT_PAGES:
        return f"{link['image']}[{link['text']}]({ROOT_PAGES[path]}{link['anchor'] or ''})"
    if path.startswith("docs/") or not (ROOT / path).exists():
        target = path.removeprefix("docs/") if (ROOT / path).exists() else link["path"]
        return f"{link['image']}[{link['text']}]({target}{link['anchor'] or ''})"
    return link["text"] if path in link["text"] else f"{link['text']} (`{path}`)"


def normal(path: PurePosixPath) -> str:
    """Return a path without its steps upwards."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
