"""Keys of ``config.meta.load`` that belong to one kind of source."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from ingestion.declared.specs import TableSpec


class Options(BaseModel):
    """The keys of one kind, as a model that refuses any other; a kind without keys of its own uses it as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, table: TableSpec) -> Self:
        """The options of a declared table, which were checked when the control table was read."""
        return cls.model_validate(table.load.options)

    @classmethod
    def key_names(cls) -> frozenset[str]:
        """Names of the keys, as they are written in YAML."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())
