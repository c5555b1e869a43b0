"""Connection URLs and ODBC strings: for the driver in full, for messages without secrets."""

import platform
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

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

ADBC_SCHEME = "postgresql+adbc"
LOGIN_SECONDS = 15
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


@dataclass(frozen=True)
class LibpqAddress:
    """Where a PostgreSQL server is, for libpq.

    Args:
        uri: With the password; never shown.
        shown: Host and database, fit for messages.
    """

    uri: str = field(repr=False)
    shown: str


@dataclass(frozen=True)
class _Url:
    """Parts of a database's URL, decoded."""

    host: str
    port: int | None
    database: str
    user: str
    password: str = field(repr=False)
    options: dict[str, str] = field(repr=False)

    @property
    def is_on_this_machine(self) -> bool:
        return _LOOPBACK.fullmatch(self.host) is not None

    def shown(self, scheme: str) -> str:
        return f"{scheme}://{self.host}{f':{self.port}' if self.port else ''}/{self.database}"


def is_adbc_address(address: str) -> bool:
    """Whether this is a URL of PostgreSQL by ADBC."""
    return _scheme(address) == ADBC_SCHEME


def parse_libpq_address(url: str) -> LibpqAddress:
    """Compose libpq's URI; its options are libpq's. TLS is required unless the host is this machine or they say else.

    Raises:
        SourceUnavailableError: It cannot be read; no part of it is shown.
    """
    parts = _parsed(url, ADBC_SCHEME)
    options = {"connect_timeout": str(LOGIN_SECONDS)}
    if not parts.is_on_this_machine:
        options["sslmode"] = "require"
    # libpq takes its own names in lower case only.
    options |= {name.lower(): value for name, value in parts.options.items()}
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    login = ":".join(quote(text, safe="") for text in (parts.user, parts.password) if text)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
    place = f"{host}:{parts.port or 5432}/{quote(parts.database, safe='')}"
    return LibpqAddress(f"postgresql://{f'{login}@' if login else ''}{place}?{query}", parts.shown(ADBC_SCHEME))


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


def _parsed(url: str, scheme: str) -> _Url:
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        found = _Url(
            parts.hostname or "",
            parts.port,
            unquote(parts.path.removeprefix("/")),
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            options,
        )
        # A password with a bare / or # ends the host: its rest would be taken for a path, and shown.
        is_cut = "@" in parts.path + parts.fragment
    except ValueError:
        found, is_cut = None, True
    if (
        found is None
        or is_cut
        or not found.host
        or not all(re.fullmatch(r"[A-Za-z][\w ]*", key) for key in found.options)
    ):
        raise _unreadable(scheme)
    return found


def _unreadable(scheme: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"the {scheme} URL cannot be read; write {scheme}://user:password@host:port/database?Option=value "
        "with special characters percent-encoded"
    )


def _from_url(url: str) -> OdbcAddress:
    scheme = _SCHEMES[_scheme(url)]
    parts = _parsed(url, scheme)
    options = parts.options
    login = {name: value for name, value in (("UID", parts.user), ("PWD", parts.password)) if value}
    if scheme == "mssql":
        place = {
            "Driver": microsoft_driver(),
            "Server": f"{parts.host},{parts.port or 1433}",
            "Database": parts.database,
        }
        settings = {**place, **login, **options}
        special = [name for name, value in settings.items() if re.search(r"[\s;{}\[\]()?*=!@]", value)]
        return OdbcAddress(_composed(settings, ("Driver", "PWD", *special)), parts.shown(scheme), SqlServer())
    # psqlodbc takes braces off the password only: elsewhere a semicolon would start another attribute.
    if any(";" in value for value in (parts.user, parts.database, *options.values())):
        raise _unreadable(scheme)
    place = {
        "Driver": POSTGRES_DRIVER,
        "Server": parts.host,
        "Port": str(parts.port or 5432),
        "Database": parts.database,
    }
    given = {name.lower() for name in options}
    wanted = POSTGRES_DEFAULTS if parts.is_on_this_machine else POSTGRES_DEFAULTS | POSTGRES_TLS
    defaults = {name: value for name, value in wanted.items() if name.lower() not in given}
    text = _composed({**place, **login, **options, **defaults}, ("Driver", "PWD"))
    return OdbcAddress(text, parts.shown(scheme), Postgres())


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
