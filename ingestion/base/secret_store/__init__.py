"""Turns ``secret://NAME`` in a setting into the secret, and hides what was revealed from logs and errors."""

from collections.abc import Mapping

from ingestion.base.secret_store.quoting import REFERENCE
from ingestion.base.secret_store.secrets import Secrets
from ingestion.base.secret_store.stores import VARIABLE_PREFIX, secret_variable

_PROCESS = Secrets()

reveal = _PROCESS.reveal
masked = _PROCESS.masked


def without_unused(values: Mapping[str, str]) -> dict[str, str]:
    """Environment variables without the secrets (RCM_SECRET_...) that no other of them refers to."""
    settings = {name: value for name, value in values.items() if not name.startswith(VARIABLE_PREFIX)}
    used = {secret_variable(match[1]) for value in settings.values() for match in REFERENCE.finditer(value)}
    return settings | {name: value for name, value in values.items() if name in used}


__all__ = ["masked", "reveal", "without_unused"]
