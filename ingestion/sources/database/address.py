"""Connection URLs and ODBC strings: for the driver in full, for messages without secrets."""

import platform
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ingestion.base.errors import SourceUnavailableError
from ingestion.sources.database.dialects import Dialect, Postgres, SqlServer

POSTGRES_DRIVER = "PostgreSQL Unicode"
MICROSOFT_DRIVER = "ODBC Driver 18 for SQL Server"
# Longest text of a column without a declared length, in bytes; a longer one fails the load.
MAX_TEXT_BYTES = 65_536
# Without a cursor psqlodbc holds a complete result in memory: 1.3 GiB for a million rows.
POSTGRES_DEFAULTS = {"UseDeclareFetch": "1", "Fetch": "10000", "MaxLongVarcharSize": str(MAX_TEXT_BYTES)}
# By default psqlodbc sends everything unencrypted, which must not happen between hospital and lakehouse.
POSTGRES_TLS = {"SSLmode": "require"}
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")

_SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "mssql": "mssql", "sqlserver": "mssql"}
# name=value or name={value}, where }} in braces stands for one.
_ATTRIBUTE = re.compile(r"\s*([^=;{}]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)\s*(?:;|$)")


@dataclass(frozen=True)
class OdbcAddress:
    """Where an ODBC source is.

    Args:
        connection_string: For the driver manager; never shown.
        shown: Host and database, for messages.
        dialect: None if the driver's name does not identify the engine.
    """

    connection_string: str = field(repr=False)
    shown: str
    dialect: Dialect | None


def is_odbc_address(address: str) -> bool:
    """Whether this is a URL of a database server or an ODBC string."""
    return _scheme(address) in _SCHEMES or not {"driver", "dsn", "filedsn"}.isdisjoint(_attributes(address))


def parse_address(address: str) -> OdbcAddress:
    """Compose the ODBC string of a URL, or complete one that is given.

    Raises:
        SourceUnavailableError: It is neither; no part of it is shown.
    """
    if _scheme(address) in _SCHEMES:
        return _from_url(address)
    attributes = _attributes(address)
    dialect = _dialect_of(attributes.get("driver", ""))
    host = attributes.get("server") or attributes.get("servername")
    shown = f"ODBC server {host}" if host else f"ODBC source {attributes.get('dsn', 'without a name')}"
    return completed(OdbcAddress(address, shown, None), dialect) if dialect else OdbcAddress(address, shown, None)


def completed(address: OdbcAddress, dialect: Dialect) -> OdbcAddress:
    """An ODBC string of a known engine, with the options that its driver needs and that are not given."""
    text = address.connection_string
    if isinstance(dialect, Postgres):
        given = _attributes(text)
        missing = {name: value for name, value in POSTGRES_DEFAULTS.items() if name.lower() not in given}
        text = ";".join(part for part in (text.rstrip().rstrip(";"), _composed(missing, ())) if part)
    return OdbcAddress(text, address.shown, dialect)


def microsoft_driver() -> str:
    """Path of Microsoft's driver inside its Python package, or the name it has where it is installed otherwise."""
    spec = find_spec("mssql_python_odbc")
    if spec is None or spec.origin is None:
        return MICROSOFT_DRIVER
    libraries = Path(spec.origin).parent / "libs" / "linux"
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    for family in _linux_families():
        found = sorted((libraries / family / machine / "lib").glob("libmsodbcsql-*.so*"))
        if found:
            return str(found[-1])
    return MICROSOFT_DRIVER


def _linux_families() -> tuple[str, ...]:
    """Builds of the driver, the one made for this distribution first."""
    release = Path("/etc/os-release")
    text = release.read_text(encoding="utf-8").lower() if release.is_file() else ""
    marks = {"debian_ubuntu": ("debian", "ubuntu"), "suse": ("suse",), "alpine": ("alpine",), "rhel": ("rhel",)}
    likely = [family for family, names in marks.items() if any(name in text for name in names)]
    return (*likely, *(family for family in marks if family not in likely))


def _scheme(address: str) -> str:
    return address.partition("://")[0].lower() if "://" in address.partition("=")[0] else ""


def _from_url(url: str) -> OdbcAddress:
    scheme = _SCHEMES[_scheme(url)]
    try:
        parts = urlsplit(url)
        host, port, database = parts.hostname, parts.port, unquote(parts.path.removeprefix("/"))
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        host, port, database, user, password, options = None, None, "", "", "", {}
    # A password with a bare / or # ends the host: its rest would be taken for a path, and shown.
    is_cut = "@" in parts.path + parts.fragment
    # psqlodbc takes braces off the password only: elsewhere a semicolon would start another attribute.
    is_ended = scheme == "postgresql" and any(";" in value for value in (user, database, *options.values()))
    if not host or is_cut or is_ended or not all(re.fullmatch(r"[A-Za-z][\w ]*", key) for key in options):
        raise SourceUnavailableError(
            f"the {scheme} URL cannot be read; write {scheme}://user:password@host:port/database?Option=value "
            "with special characters percent-encoded"
        )
    shown = f"{scheme}://{host}{f':{port}' if port else ''}/{database}"
    login = {name: value for name, value in (("UID", user), ("PWD", password)) if value}
    if scheme == "mssql":
        place = {"Driver": microsoft_driver(), "Server": f"{host},{port or 1433}", "Database": database}
        settings = {**place, **login, **options}
        special = [name for name, value in settings.items() if re.search(r"[\s;{}\[\]()?*=!@]", value)]
        return OdbcAddress(_composed(settings, ("Driver", "PWD", *special)), shown, SqlServer())
    place = {"Driver": POSTGRES_DRIVER, "Server": host, "Port": str(port or 5432), "Database": database}
    given = {name.lower() for name in options}
    wanted = POSTGRES_DEFAULTS if _LOOPBACK.fullmatch(host) else POSTGRES_DEFAULTS | POSTGRES_TLS
    defaults = {name: value for name, value in wanted.items() if name.lower() not in given}
    return OdbcAddress(_composed({**place, **login, **options, **defaults}, ("Driver", "PWD")), shown, Postgres())


def _attributes(text: str) -> dict[str, str]:
    """Attributes of an ODBC string by lower-case name, braces taken off."""
    found: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(text):
        plain = value[1:-1].replace("}}", "}") if value.startswith("{") else value.strip()
        found.setdefault(name.lower(), plain)
    return found


def _dialect_of(driver: str) -> Dialect | None:
    name = Path(driver).name.lower()
    if "psqlodbc" in name or "postgres" in name:
        return Postgres()
    if "sql server" in name or "msodbcsql" in name:
        return SqlServer()
    return None


def _composed(attributes: dict[str, str], in_braces: Collection[str]) -> str:
    texts = {
        name: "{" + value.replace("}", "}}") + "}" if name in in_braces else value
        for name, value in attributes.items()
        if value
    }
    return ";".join(f"{name}={text}" for name, text in texts.items())
