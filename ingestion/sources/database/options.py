"""Keys of ``load`` for tables of databases."""

from typing import Annotated

from pydantic import Field

from ingestion.sources.options import Options


class DatabaseOptions(Options):
    """What is read of the database.

    Attributes:
        source_object: Table or view, with its schema where it needs one; ``object`` in YAML.
    """

    source_object: Annotated[str, Field(alias="object")]
