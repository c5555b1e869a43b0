"""The address of a system: what its connection variable holds, or the default of its declaration."""

from ingestion.base.errors import SourceUnavailableError
from ingestion.base.settings import Settings
from ingestion.declared.specs import SystemSpec


def connection_value(settings: Settings, system: SystemSpec) -> str:
    """URL or folder of a system.

    Raises:
        SourceUnavailableError: Its variable is not set and has no default.
    """
    value = optional_connection_value(settings, system)
    if value is None:
        raise SourceUnavailableError(f"{system.connection.env} is not set; set it to the URL of {system.label}")
    return value


def optional_connection_value(settings: Settings, system: SystemSpec) -> str | None:
    """URL or folder of a system, None if its variable is not set and has no default."""
    return settings.resolve(system.connection.env, system.connection.default)
