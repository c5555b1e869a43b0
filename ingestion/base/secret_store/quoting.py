"""How a secret is written where it stands: in a URL, in an ODBC string, or as it is."""

import re
from urllib.parse import quote

REFERENCE = re.compile(r"secret://([A-Za-z0-9][A-Za-z0-9-]*)")

_URL_USER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#\s;{}]*)@")
_URL_QUERY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^?#\s;]*\?([^#\s;]*)")
_PARAMETER = re.compile(r"[^=&]*=([^&]*)")
_BRACED = re.compile(r"=\s*\{((?:[^}]|\}\})*)\}")
# What tells an ODBC string from other lists of pairs, such as an Azure storage connection string, which has no braces.
_ODBC = re.compile(r"(?:^|;)\s*(?:driver|dsn|filedsn|server|uid|pwd)\s*=", re.IGNORECASE)
_ODBC_VALUE = re.compile(r"(?:^|;)\s*([^=;{}]*?)\s*=\s*([^;{}]*?)\s*(?=;|$)")
# What ODBC wants in braces. PostgreSQL's driver takes them off the password only: elsewhere only where there is no way
# without them.
_ODBC_SPECIAL = re.compile(r"[\[\]{}(),;?*=!@]|^\s|\s$")
_ODBC_CUT = re.compile(r"[;{}]|^\s|\s$")
_PASSWORD_NAMES = frozenset({"pwd", "password"})


def quoted(secret: str, text: str, start: int, end: int) -> str:
    """A secret as it must be written in place of ``text[start:end]``.

    Percent-encoded in the user or password of a URL and in a value of its query; with ``}`` doubled inside the braces
    of an ODBC value; within braces as an ODBC value of its own, where it needs them; else as it is.
    """
    # References look like URLs themselves: letters of the same length stand for them.
    plain = REFERENCE.sub(lambda reference: "x" * len(reference[0]), text)
    if _within(_BRACED, plain, start, end):
        return secret.replace("}", "}}")
    if _within(_URL_USER, plain, start, end) or any(
        _within(_PARAMETER, plain, start, end, *query.span(1)) for query in _URL_QUERY.finditer(plain)
    ):
        return quote(secret, safe="")
    name = _odbc_name(plain, start, end)
    if name is not None and (_ODBC_SPECIAL if name in _PASSWORD_NAMES else _ODBC_CUT).search(secret):
        return "{" + secret.replace("}", "}}") + "}"
    return secret


def _within(
    pattern: re.Pattern[str], plain: str, start: int, end: int, first: int = 0, last: int | None = None
) -> bool:
    """Whether a match's group holds the reference."""
    matches = pattern.finditer(plain, first, len(plain) if last is None else last)
    return any(match.start(1) <= start and end <= match.end(1) for match in matches)


def _odbc_name(plain: str, start: int, end: int) -> str | None:
    """Lower-case name of the ODBC attribute whose whole value the reference is."""
    if not _ODBC.search(plain):
        return None
    names = (match[1].lower() for match in _ODBC_VALUE.finditer(plain) if match.span(2) == (start, end))
    return next(names, None)
