"""What one check of ``rcm doctor`` found, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Args:
        state: ``problem`` will fail; ``warning`` may fail, or costs something.
        message: What there is, or what is wrong, without a value of the data or a secret.
        next_step: How to fix it; None where all is well.
    """

    state: State
    message: str
    next_step: str | None = None


def ok(message: str) -> Finding:
    """All is well."""
    return Finding("ok", message)


def warning(message: str, next_step: str) -> Finding:
    """It works, but not for long or not as well as it could."""
    return Finding("warning", message, next_step)


def problem(message: str, next_step: str) -> Finding:
    """It will fail."""
    return Finding("problem", message, next_step)
