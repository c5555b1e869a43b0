"""Retries of a connection that may succeed next time."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

ATTEMPTS = 5
# Waits are drawn between zero and a bound that doubles from here, so that loads refused together come back apart.
FIRST_WAIT_SECONDS = 0.5


def retried(attempt: Callable[[], T], is_transient: Callable[[Exception], bool], first_wait: float) -> T:
    """What an attempt returns, made again after a wait while its error is transient; the last error is raised.

    Args:
        attempt: Must deliver nothing before it returns, or a retry would deliver it twice.
        is_transient: Whether an error may be gone next time.
        first_wait: Bound of the first wait, in seconds.
    """
    for number in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Exception as error:
            if not is_transient(error):
                raise
            bound = first_wait * 2**number
        time.sleep(random.uniform(0, bound))  # noqa: S311 - spreads load, protects nothing
    return attempt()
