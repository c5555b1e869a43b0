"""Imports of the packages go one way down, and never in a circle; only a kind of source knows its own name."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from ingestion.sources.kind import API
from ingestion.sources.registry import registry

PROJECT = Path(__file__).parents[3]
# From the ground up. Packages of one floor do not import each other.
FLOORS = (
    ("ingestion.base",),
    ("ingestion.declared",),
    ("ingestion.bronze",),
    ("ingestion.sources",),
    ("ingestion.loads",),
    ("rcm.simulation", "rcm.warehouse"),
    ("rcm.decisions", "rcm.doctor", "rcm.finance", "rcm.service"),
    ("rcm.cli",),
)
HEIGHT = {package: height for height, floor in enumerate(FLOORS) for package in floor}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for folder in ("ingestion", "rcm") for path in (PROJECT / folder).rglob("*.py")}


def _imports(source: str) -> Iterator[str]:
    """Modules and members that a file imports, those inside functions included; relative imports are refused."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"relative import of {node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _edges(module: str, source: str) -> set[str]:
    """Modules of the two packages that a module imports."""
    found = set()
    for name in _imports(source):
        parts = name.split(".")
        known = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        found.add(next((candidate for candidate in known if candidate in MODULES), ""))
    return found - {"", module}


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _upward(module: str, source: str) -> list[str]:
    """Imports that leave the module's package and do not go down."""
    own = _package(module)
    return sorted(
        edge
        for edge in _edges(module, source)
        if _package(edge) in HEIGHT and _package(edge) != own and HEIGHT[_package(edge)] >= HEIGHT[own]
    )


def test_every_module_stands_on_a_floor() -> None:
    assert {_package(module) for module in MODULES} - {"ingestion", "rcm"} == set(HEIGHT)


@pytest.mark.parametrize("module", [module for module in sorted(MODULES) if _package(module) in HEIGHT])
def test_imports_go_down(module: str) -> None:
    source = MODULES[module].read_text()
    assert _upward(module, source) == []
    if module.startswith("ingestion."):
        assert not {name.split(".")[0] for name in _imports(source)} & {"rcm", "simulator", "dashboard"}


def test_an_import_that_goes_up_is_found() -> None:
    planted = "def load() -> None:\n    from ingestion.loads.plan import plan_all\n"
    assert _upward("ingestion.bronze.table", planted) == ["ingestion.loads.plan"]
    assert _upward("rcm.finance.export", "import rcm.doctor.disk") == ["rcm.doctor.disk"]


def test_no_import_goes_in_a_circle() -> None:
    graph = {module: _edges(module, path.read_text()) for module, path in MODULES.items()}
    # A package that re-exports its own modules is one with them.
    graph = {module: {edge for edge in edges if not module.startswith(f"{edge}.")} for module, edges in graph.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


KINDS = registry().kinds
KIND_WORDS = {kind.kind for kind in KINDS} | {API}
EXTRACTORS = {kind.extractor for kind in KINDS} - {None}
KIND_FOLDERS = tuple(sorted({type(kind).__module__ for kind in KINDS}))
OPTIONS = {name for kind in KINDS for name in kind.options.model_fields}


def _words(node: ast.AST) -> set[str]:
    constants = {inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant)}
    return {word for word in constants if isinstance(word, str) and word in KIND_WORDS | EXTRACTORS}


def _names_a_kind(node: ast.AST) -> bool:
    """Whether a piece of code depends on which kind of source it has before it."""
    match node:
        case ast.Constant(value=str(word)):
            return word in EXTRACTORS
        case ast.Compare():
            return bool(_words(node))
        # Words of kinds are plain English, so that one of them names a kind only beside another.
        case ast.Subscript() | ast.Dict() | ast.Tuple() | ast.List() | ast.Set():
            return len(_words(node)) > 1
        case ast.Attribute(attr="extractor"):
            return True
        case ast.Attribute(attr="kind", value=ast.Name(id=owner)):
            return owner in ("table", "system", "spec", "self")
        case ast.Attribute(attr=option, value=ast.Attribute(attr="load") | ast.Name(id="load")):
            return option in OPTIONS
    return False


def _kinds_named(source: str) -> list[int]:
    """Lines that name a kind of source: by its word, by a key of its own, or by an import of its folder."""
    named = {node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.expr) and _names_a_kind(node)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported = set(_imports(ast.unparse(node)))
            if any(f"{name}.".startswith(f"{folder}.") for name in imported for folder in KIND_FOLDERS):
                named.add(node.lineno)
    return sorted(named)


@pytest.mark.parametrize("module", [module for module in sorted(MODULES) if _package(module) != "ingestion.sources"])
def test_only_the_sources_know_which_kinds_there_are(module: str) -> None:
    assert _kinds_named(MODULES[module].read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        'table.kind == "database"',
        "if system.kind != other: ...",
        'kind in ("files", "api")',
        'Kind = Literal["database", "files", "api"]',
        'places = {"database": 1, "files": 2}',
        "waves = [pair for pair in chosen if pair[1].load.extractor != word]",
        'cache = named("npi_registry")',
        "pattern = table.load.files",
        "release = load.release",
        "from ingestion.sources.database import open_database",
        "from ingestion.sources.icd.installed import release",
        "from ingestion.sources import files",
    ],
)
def test_a_line_that_names_a_kind_is_found(line: str) -> None:
    assert _kinds_named(line) == [1]
