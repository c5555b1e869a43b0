"""Pages of the dashboard: every package of views/ is one and registers itself as ``PAGE``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from dashboard import views
from dashboard.context import Context


@dataclass(frozen=True)
class Page:
    """A page of the dashboard: a package of views/ that names one as ``PAGE``.

    Args:
        title: Heading and name in the navigation; the address follows from it.
        icon: A Material symbol.
        order: Position in the navigation; the lowest is the start page.
        show: Shows the page.
        needs_ledger: False if the page has content before anything was posted, and so no month to choose.
    """

    title: str
    icon: str
    order: int
    show: Callable[[Context], None]
    needs_ledger: bool = True

    @property
    def name(self) -> str:
        """Name of its package, by which a KPI's contract says on which page it is shown."""
        return self.show.__module__.rpartition(".")[2]

    @property
    def path(self) -> str:
        """Last part of the address."""
        return self.title.lower().replace("/", "").replace(" ", "-")


@cache
def pages() -> tuple[Page, ...]:
    """All registered pages, in the order of the navigation."""
    found: list[Page] = [
        import_module(f"{views.__name__}.{module.name}").PAGE for module in iter_modules(views.__path__)
    ]
    return tuple(sorted(found, key=lambda page: page.order))
