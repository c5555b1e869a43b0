"""The environment variables of this project, each with its type, default and meaning."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from ingestion.base.errors import SpecError

PREFIX = "RCM_"
# Read by the secret store, one per secret.
SECRET_PREFIX = "RCM_SECRET_"  # noqa: S105  # pragma: allowlist secret
_PROBLEMS = {
    "bool_parsing": "neither true nor false; set it to one of them",
    "int_parsing": "not a whole number above 0; set it to 4, say",
    "greater_than": "not a whole number above 0; set it to 4, say",
}


class Variables(BaseModel):
    """Variables named ``RCM_`` and the field's name in capitals; an empty one counts as not set.

    A control table names further ones, one per connection (``connection.env``).
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    lakehouse: str = "lakehouse"
    """Folder of landing, bronze and audit: a path, or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/..."""
    warehouse: str | None = None
    """DuckDB file that dbt builds; without it warehouse.duckdb in the lakehouse."""
    storage_connection: str | None = Field(None, repr=False)
    """Azure storage connection string, with a SAS or a key; without it azure-identity signs in."""
    bronze: str = "models/bronze"
    """Folder of the control table."""
    landing: str | None = None
    """Landing folder; without it landing/ in the lakehouse."""
    npi_url: str | None = None
    """Address of NPPES."""
    icd_url: str | None = None
    """Address of the WHO's ICD API; without it diagnoses come from the installed ICD-10-CM."""
    icd_client_id: str | None = None
    """Account of the WHO's API."""
    icd_client_secret: str | None = Field(None, repr=False)
    """Secret of that account."""
    icd_token_url: str | None = None
    """Token service of the WHO's API; without it the WHO's own."""
    simulated_apis: bool | None = None
    """Whether a local stub answers for NPPES and the WHO's API; without it only in a sandbox."""
    phi_key: str | None = Field(None, repr=False)
    """Key of the keyed hashes, 32 characters or more; without it phi.key beside the warehouse."""
    secrets: str = "env"
    """Store of secret://NAME: env, https://NAME.vault.azure.net or databricks://SCOPE."""
    alert_url: str | None = Field(None, repr=False)
    """Webhook for failures, or any URL of apprise."""
    log: str | None = None
    """json: events also on standard error."""
    progress: str | None = None
    """off: no progress bar and no progress lines."""
    project: str | None = None
    """Folder of dbt_project.yml, for commands called from elsewhere."""
    warehouse_attempts: PositiveInt = 5
    """Attempts of a build to open a warehouse that another process holds, after waits of 1, 2, 4, 8 ... seconds."""
    max_file_gb: PositiveInt = 64
    """Longest landing file once it is decompressed, in GiB; a longer one is refused."""
    max_expansion: PositiveInt = 200
    """How many times longer than its compressed bytes a file may be once decompressed, beyond its first 64 MiB."""
    max_answer_mb: PositiveInt = 64
    """Longest answer of an API once it is decompressed, in MiB."""
    threads: PositiveInt = 4
    """Tables loaded and models built in parallel."""
    target: str = "duckdb"
    """Engine of dbt: duckdb, spark or databricks."""
    catalog: str = "rcm_dev"
    """Catalog on Databricks."""
    phi_scope: str = "rcm"
    """Secret scope on Databricks with the two halves of the key of the keyed hashes."""
    engineers: str = "rcm_engineers"
    """Group on Databricks with access to all layers."""
    finance_analysts: str = "rcm_finance_analysts"
    """Group on Databricks that reads gold."""
    ai_engineers: str = "rcm_ai_engineers"
    """Group on Databricks that reads the de-identified layer."""
    lineage_url: str | None = None
    """Where the documentation with column lineage is published; a link of the dashboard."""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Variables":
        """Variables from an environment.

        Raises:
            SpecError: A value has the wrong type; one line per variable, without its value.
        """
        names = {field: f"{PREFIX}{field.upper()}" for field in cls.model_fields}
        try:
            return cls.model_validate({field: values[name] for field, name in names.items() if values.get(name)})
        except ValidationError as error:
            wrong = [(names[str(found["loc"][0])], _PROBLEMS[found["type"]]) for found in error.errors()]
            raise SpecError([f"environment: {name} is {problem}" for name, problem in wrong]) from None


def misspelt_variables(values: Mapping[str, str], connections: Collection[str]) -> Iterator[str]:
    """One line per RCM_ variable that is nearly the name of one that is read; others may belong to a package.

    Args:
        values: Environment variables by name.
        connections: Variables that the control table names.
    """
    read = {*(f"{PREFIX}{field.upper()}" for field in Variables.model_fields), *connections}
    for name in sorted(values.keys() - read):
        if name.startswith(PREFIX) and not name.startswith(SECRET_PREFIX):
            for near in get_close_matches(name, read, n=1, cutoff=0.75):
                yield f"environment: {name} is not read by anything; did you mean {near}?"
