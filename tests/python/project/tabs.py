"""A browser tab that records every request to another host."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page

ON_THE_DISK = ("file:", "data:", "blob:", "about:")


@contextmanager
def closed_in_itself(browser: Browser, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Iterator[Page]:
    """A tab for pages of the disk; after it was used, fails if anything was asked of a host."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    outside: list[str] = []
    context.on("request", lambda request: None if request.url.startswith(ON_THE_DISK) else outside.append(request.url))
    try:
        yield context.new_page()
    finally:
        context.close()
    assert outside == []
