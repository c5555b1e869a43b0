"""Failures of database servers, told apart by SQLSTATE; their texts are searched and never shown."""

import re
from dataclasses import dataclass, field

from ingestion.base.errors import SourceUnavailableError

# Transient connection failures: lost links, timeouts, too many connections, a server that starts or stops.
_TRANSIENT_STATES = frozenset(
    {"08001", "08S01", "08003", "08006", "08007", "HYT00", "HYT01", "53300", "57P01", "57P02", "57P03"}
)
# Azure SQL reports these while a database moves, wakes up or is busy.
_TRANSIENT_NUMBERS = frozenset({4221, 40197, 40501, 40613, 49918, 49919, 49920, 10928, 10929, 10936})
# libpq has one state for all that keeps it from connecting; a server that answered with FATAL said no.
_REFUSED = re.compile(r"FATAL:(?!.*(?:starting up|shutting down|too many|reserved for))", re.DOTALL)
_UNTRUSTED = re.compile(
    r"certificate verify failed|Encryption not supported|SSL was required|root certificate file|server certificate for"
    r"|server does not support SSL"
)
_LOGIN_FAILED = 18456
_TABLE_MISSING = frozenset({"42S02", "42P01", "3F000"})
_LOST = ("08", "57P", "HYT")


@dataclass(frozen=True)
class Failure:
    """What a driver reports of a call that failed.

    Args:
        state: SQLSTATE; empty where there is none.
        kind: Class of the driver's error.
        text: The server's words, which may hold values.
        number: Number of the error at SQL Server.
    """

    state: str
    kind: str
    text: str = field(repr=False)
    number: int = 0

    @property
    def is_transient(self) -> bool:
        """Whether it may be gone next time."""
        if self.number in _TRANSIENT_NUMBERS:
            return True
        return self.state in _TRANSIENT_STATES and not (_REFUSED.search(self.text) or _UNTRUSTED.search(self.text))

    @property
    def is_missing_table(self) -> bool:
        """Whether the server knows no such table or schema."""
        return self.state in _TABLE_MISSING

    def unavailable(self, shown: str) -> SourceUnavailableError:
        """The error of a source that cannot be read."""
        is_refused = self.state == "08001" and _REFUSED.search(self.text)
        if self.state.startswith("28") or self.number == _LOGIN_FAILED or is_refused:
            remedy = "the server refused the login; check user, password and database"
        elif _UNTRUSTED.search(self.text):
            remedy = "its TLS is refused; give the server a certificate that this machine trusts, see docs/sources.md"
        elif self.state.startswith("IM") or self.state == "01000":
            remedy = "the ODBC driver or data source is not installed; see docs/sources.md"
        elif self.state.startswith("42"):
            remedy = "the server refused the query; check that the login may read the table"
        else:
            remedy = "check that the server is up and reachable, and run again"
        return SourceUnavailableError(f"{shown} cannot be read ({self._named}); {remedy}")

    def broken_off(self, shown: str) -> SourceUnavailableError:
        """The error of a source that failed between two rows."""
        is_lost = self.state.startswith(_LOST) or not self.state
        what = "the connection was lost" if is_lost else "the server gave up"
        return SourceUnavailableError(
            f"{shown}: {what} while rows were read ({self._named}); nothing was written, run again"
        )

    @property
    def _named(self) -> str:
        return f"SQLSTATE {self.state or 'unknown'}, {self.kind}"
