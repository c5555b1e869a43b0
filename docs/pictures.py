"""Draw the diagrams of docs/ once, as SVG: the site shows them without a network and without a script.

A diagram is text (Mermaid) in its page. GitHub draws that text itself; for the site, `make docs-pictures` draws it here
with mermaid in a browser and keeps the picture in docs/images/. The picture carries a hash of the text, so that the
build of the site notices a diagram that was changed and not drawn again.
"""

import hashlib
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent
BLOCK = re.compile(r"^```mermaid\n(.*?)^```\n", re.DOTALL | re.MULTILINE)

# Text as SVG text, not as HTML inside of the SVG: then the file is also a picture on its own.
SETTINGS = {
    "startOnLoad": False,
    "theme": "neutral",
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False, "useMaxWidth": True},
    "fontFamily": "system-ui, sans-serif",
}


@dataclass(frozen=True)
class Diagram:
    """One diagram of a page.

    Args:
        page: Name of the page without ``.md``.
        number: Its number on the page, from 1.
        text: What mermaid draws.
    """

    page: str
    number: int
    text: str

    @property
    def picture(self) -> Path:
        """Where its picture is kept."""
        return DOCS / "images" / f"{self.page}-{self.number}.svg"

    @property
    def mark(self) -> str:
        """The first line of its picture."""
        return f"<!-- drawn by make docs-pictures from text {hashlib.sha256(self.text.encode()).hexdigest()[:16]} -->\n"

    @property
    def is_drawn(self) -> bool:
        """True where the picture shows the text as it is now."""
        return self.picture.is_file() and self.picture.read_text(encoding="utf-8").startswith(self.mark)

    def svg(self) -> str:
        """The picture, without the mark."""
        return self.picture.read_text(encoding="utf-8").removeprefix(self.mark)


def diagrams(page: str, text: str) -> Iterator[Diagram]:
    """Yield the diagrams of a page's text, in order."""
    for number, block in enumerate(BLOCK.finditer(text), start=1):
        yield Diagram(page, number, block[1])


def draw(waiting: list[Diagram], mermaid: Path) -> None:
    """Draw diagrams with a mermaid script in Chromium, without a network."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = chromium.new_page()
        tab.set_content("<!doctype html><body></body>")
        tab.add_script_tag(path=mermaid)
        tab.evaluate("settings => mermaid.initialize(settings)", SETTINGS)
        for diagram in waiting:
            drawn = tab.evaluate(
                "async ([id, text]) => (await mermaid.render(id, text)).svg",
                [f"{diagram.page}-{diagram.number}", diagram.text],
            )
            diagram.picture.parent.mkdir(exist_ok=True)
            diagram.picture.write_text(f"{diagram.mark}{drawn}\n", encoding="utf-8")
            sys.stdout.write(f"{diagram.picture.relative_to(DOCS.parent)} drawn\n")
        chromium.close()


def main(mermaid: str) -> int:
    """Draw what is not drawn yet; ``mermaid`` is the path of mermaid.min.js."""
    waiting = [
        diagram
        for page in sorted(DOCS.glob("*.md"))
        for diagram in diagrams(page.stem, page.read_text(encoding="utf-8"))
        if not diagram.is_drawn
    ]
    if waiting:
        draw(waiting, Path(mermaid))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
