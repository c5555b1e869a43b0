"""Turns ``secret://NAME`` in a setting into the secret, and hides what was revealed from logs and errors."""

from ingestion.base.secret_store.secrets import Secrets

_PROCESS = Secrets()

reveal = _PROCESS.reveal
masked = _PROCESS.masked

__all__ = ["masked", "reveal"]
