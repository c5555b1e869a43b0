"""The registry of kinds of source: each folder beside this module, and each entry point that a package registers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from pydantic import ValidationError

from ingestion import sources
from ingestion.base.errors import SpecError
from ingestion.declared.problems import listing, problem_lines
from ingestion.declared.specs import TableSpec
from ingestion.sources.kind import API, SourceKind

# Group of entry points by which an installed package offers a module with ``KINDS``.
ENTRY_POINTS = "rcm_lakehouse.sources"


@dataclass(frozen=True)
class Registry:
    """Kinds of source, found by the words that a control table uses."""

    kinds: tuple[SourceKind, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Words of ``config.meta.kind``."""
        return (*sorted({found.kind for found in self.kinds} - {API}), API)

    def kind_of(self, table: TableSpec) -> SourceKind:
        """The kind of a declared table.

        Raises:
            SpecError: There is none of that name.
        """
        found = self._found(table)
        if found is None:
            problems = "; ".join(self._word_problems(table))
            raise SpecError([f"{table.label}: {problems}"])
        return found

    def problems(self, table: TableSpec) -> Iterator[str]:
        """What a declaration says that its kind does not understand, each ``key: what is wrong; what to do``."""
        yield from self._word_problems(table)
        found = self._found(table)
        if found is not None:
            yield from self._option_problems(table, found)
            yield from found.problems(table)

    def place(self, table: TableSpec) -> object:
        """What a table reads at its address; of an unknown kind no two tables read the same."""
        found = self._found(table)
        return table.label if found is None else found.place(table)

    def _found(self, table: TableSpec) -> SourceKind | None:
        words = (table.kind, table.load.extractor)
        return next((kind for kind in self.kinds if (kind.kind, kind.extractor) == words), None)

    def _word_problems(self, table: TableSpec) -> Iterator[str]:
        word = table.load.extractor
        known = sorted(kind.extractor for kind in self.kinds if kind.kind == table.kind and kind.extractor is not None)
        if word is None and known:
            yield f"load.extractor: is missing; a source of kind {table.kind} needs it"
        elif word is not None and not known:
            yield f"load.extractor: belongs to kind {API}, this source is of kind {table.kind}; remove it"
        elif word is not None and word not in known:
            yield f"load.extractor: is none of {listing(known)}"

    def _option_problems(self, table: TableSpec, found: SourceKind) -> Iterator[str]:
        """Keys of other kinds, keys of no kind, and values that do not fit."""
        own = found.options.key_names()
        for key in sorted(set(table.load.model_extra or ()) - own):
            owner = next((kind for kind in self.kinds if key in kind.options.key_names()), None)
            if owner is None:
                yield f"load.{key}: is no key of the control table; check its spelling"
            elif key not in table.load.options:
                continue
            elif owner.extractor is not None:
                yield f"load.{key}: belongs to extractor {owner.extractor}; remove it"
            else:
                yield f"load.{key}: belongs to kind {owner.kind}, this source is of kind {table.kind}; remove it"
        needing = f"extractor {found.extractor}" if found.extractor else f"a source of kind {found.kind}"
        try:
            found.options.model_validate({key: value for key, value in table.load.options.items() if key in own})
        except ValidationError as error:
            yield from problem_lines(error, "load.", missing=f"{needing} needs it")


@cache
def registry() -> Registry:
    """All kinds, imported once.

    Raises:
        SpecError: A package registers a kind that cannot be imported, or whose words are taken.
    """
    found: dict[tuple[str, str | None], SourceKind] = {}
    for name, kinds in _offered():
        for kind in kinds:
            words = (kind.kind, kind.extractor)
            if words in found:
                word = kind.extractor or kind.kind
                raise SpecError([f"kind of source {name}: {word} is taken; give it another word"])
            found[words] = kind
    return Registry(tuple(found.values()))


def kind_of(table: TableSpec) -> SourceKind:
    """The kind of a declared table; raises SpecError where there is none of that name."""
    return registry().kind_of(table)


def _offered() -> Iterator[tuple[str, tuple[SourceKind, ...]]]:
    """``KINDS`` of each module, with the name by which the module is found."""
    for folder in iter_modules(sources.__path__):
        if folder.ispkg:
            yield folder.name, import_module(f"{sources.__name__}.{folder.name}").KINDS
    for point in entry_points(group=ENTRY_POINTS):
        try:
            yield point.name, point.load().KINDS
        except (ImportError, AttributeError) as error:
            raise SpecError(
                [f"kind of source {point.name}: {point.value} cannot be imported ({error}); reinstall its package"]
            ) from None
