"""A server that speaks MS-TDS 7.4, enough of it for Microsoft's ODBC driver; its tables are DuckDB's.

It has no locks, no isolation, no procedures of its own and no change data capture, and it takes T-SQL for what sqlglot
makes of it: it proves what goes over the wire, and not what SQL Server would make of that.
"""

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

from tests.python.ingestion.certificates import self_signed
from tests.python.ingestion.tds_stub import tokens
from tests.python.ingestion.tds_stub.calls import (
    Call,
    encryption_asked,
    parse_batch,
    parse_call,
    parse_login,
    prelogin_answer,
)
from tests.python.ingestion.tds_stub.wire import Kind, Wire

USER, PASSWORD = "rcm reader", "p;a}s{s=w@r/d+%41"  # pragma: allowlist secret
NO_ENCRYPTION = 2


@dataclass(frozen=True)
class Statement:
    """SQL as it came over the wire: procedure is empty for a batch."""

    procedure: str
    text: str
    parameters: tuple[object, ...]


@dataclass
class TdsServer:
    """What it was asked, and how it misbehaves: so many times, on which connections, or after how many rows."""

    port: int
    engine: duckdb.DuckDBPyConnection
    certificate: Path
    hang_ups: int = 0
    hang_up_on: frozenset[int] = frozenset()
    busy_logins: int = 0
    break_after_rows: int | None = None
    fail_after_rows: int | None = None
    offers_tls: bool = True
    connections: int = 0
    logins: list[str] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    clear_messages: list[int] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def asked(self) -> list[Statement]:
        """Statements about tables, without those the drivers ask of their own accord."""
        return [statement for statement in self.statements if re.search(r"\bfrom\b", statement.text)]


@contextmanager
def start_tds_server(folder: Path) -> Iterator[TdsServer]:
    """Serve on a free port of the loopback until the context ends."""
    context, certificate = _tls(folder)
    engine = duckdb.connect(":memory:")
    engine.execute("set timezone = 'UTC'")
    engine.execute("create macro switchoffset(instant, zone) as timezone('UTC', instant)")
    engine.execute("create macro sysutcdatetime() as timezone('UTC', now())")
    with engine, socket.create_server(("127.0.0.1", 0)) as listener:
        server = TdsServer(listener.getsockname()[1], engine, certificate)
        sessions: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                session = threading.Thread(target=_serve, args=(server, connection, context), daemon=True)
                sessions.append(session)
                session.start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(10)
            for session in sessions:
                session.join(10)


def _serve(server: TdsServer, connection: socket.socket, context: ssl.SSLContext) -> None:
    server.connections += 1
    with connection:
        connection.settimeout(60)
        if server.connections in server.hang_up_on:
            return
        if server.hang_ups > 0:
            server.hang_ups -= 1
            return
        # A client may leave at any time.
        with suppress(ConnectionError, ssl.SSLError, TimeoutError):
            try:
                _Session(server, Wire(connection)).run(context)
            except (NotImplementedError, LookupError, duckdb.Error, sqlglot.errors.SqlglotError) as error:
                server.failures.append(error)


class _DeadlockError(Exception):
    """The answer ends with error 1205."""


class _Session:
    def __init__(self, server: TdsServer, wire: Wire) -> None:
        self._server = server
        self._wire = wire
        self._engine = server.engine.cursor()
        self._prepared: dict[int, str] = {}
        self._rowcount = 0

    def run(self, context: ssl.SSLContext) -> None:
        _, prelogin = self._wire.read()
        asked = encryption_asked(prelogin)
        if self._server.offers_tls:
            # 1 takes what was asked; 3 requires TLS of a client that would do without.
            self._wire.write(Kind.ANSWER, prelogin_answer(1 if asked == 1 else 3))
            self._wire.start_tls(context)
        else:
            self._wire.write(Kind.ANSWER, prelogin_answer(NO_ENCRYPTION))
        kind, content = self._wire.read()
        if not self._server.offers_tls:
            self._server.clear_messages.append(kind)
        if self._log_in(content):
            while True:
                self._answer(*self._wire.read())

    def _log_in(self, content: bytes) -> bool:
        login = parse_login(content)
        self._server.logins.append(login.user)
        refusal = b""
        if self._server.busy_logins > 0:
            self._server.busy_logins -= 1
            refusal = tokens.error(40613, f"Database '{login.database}' is not currently available.", severity=17)
        elif (login.user, login.password) != (USER, PASSWORD):
            refusal = tokens.error(18456, f"Login failed for user '{login.user}'.")
        self._wire.write(
            Kind.ANSWER, refusal + tokens.done(failed=True) if refusal else tokens.login_acknowledged(login.database)
        )
        return not refusal

    def _answer(self, kind: int, content: bytes) -> None:
        if kind == Kind.BATCH:
            self._run(Statement("", parse_batch(content), ()))
        elif kind == Kind.RPC:
            self._call(parse_call(content))
        elif kind == Kind.ATTENTION:
            self._wire.write(Kind.ANSWER, b"\xfd\x20\x00" + bytes(10))
        elif kind == Kind.TRANSACTION:
            self._wire.write(Kind.ANSWER, tokens.done())
        else:
            raise NotImplementedError(f"messages of type {kind}")

    def _call(self, call: Call) -> None:
        if call.procedure == "sp_executesql":
            self._run(Statement(call.procedure, str(call.parameters[0]), call.parameters[2:]))
        elif call.procedure == "sp_prepexec":
            handle = len(self._prepared) + 1
            self._prepared[handle] = str(call.parameters[2])
            self._run(Statement(call.procedure, self._prepared[handle], call.parameters[3:]), handle)
        elif call.procedure == "sp_execute":
            text = self._prepared[int(str(call.parameters[0]))]
            self._run(Statement(call.procedure, text, call.parameters[1:]))
        else:
            # What drivers ask about types, and the end of a prepared statement.
            self._wire.write(Kind.ANSWER, tokens.return_status() + tokens.done(kind=0xFE))

    def _run(self, statement: Statement, handle: int | None = None) -> None:
        self._server.statements.append(statement)
        is_call = bool(statement.procedure)
        end_kind = 0xFE if is_call else 0xFD
        if statement.text.lower().startswith("set "):
            self._wire.write(Kind.ANSWER, tokens.done(kind=end_kind))
            return
        try:
            *first, last = _duckdb_sql(statement.text)
            for query in first:
                self._write_result(query, statement, goes_on=True)
            self._write_result(last, statement, goes_on=is_call)
        except duckdb.CatalogException:
            refusal = tokens.error(208, "Invalid object name.", severity=16)
            self._wire.write(Kind.ANSWER, refusal + tokens.done(failed=True, kind=end_kind))
            return
        except _DeadlockError:
            refusal = tokens.error(1205, "Transaction was deadlocked with SECRET.", severity=13)
            self._wire.write(Kind.ANSWER, refusal + tokens.done(failed=True, kind=end_kind))
            return
        if is_call:
            value = b"" if handle is None else tokens.return_handle(handle)
            self._wire.write(Kind.ANSWER, tokens.return_status() + value + tokens.done(kind=0xFE))

    def _write_result(self, query: str, statement: Statement, *, goes_on: bool) -> None:
        """Columns and rows of one query."""
        named = {f"P{number}": value for number, value in enumerate(statement.parameters, 1) if f"$P{number}" in query}
        result = self._engine.execute(query.replace("ROWCOUNT_BIG()", str(self._rowcount)), named)
        names = [name for name, *_ in result.description or ()]
        columns = [tokens.column_of(str(kind)) for _, kind, *_ in result.description or ()]
        self._wire.write(Kind.ANSWER, tokens.column_metadata(names, columns), last=False)
        count = self._rowcount = self._write_rows(result, columns)
        kind = 0xFF if statement.procedure else 0xFD
        self._wire.write(Kind.ANSWER, tokens.done(rows=count, kind=kind, more=goes_on), last=not goes_on)

    def _write_rows(self, result: duckdb.DuckDBPyConnection, columns: Sequence[tokens.Column]) -> int:
        count = 0
        while rows := result.fetchmany(100):
            self._wire.write(Kind.ANSWER, b"".join(tokens.row(columns, row) for row in rows), last=False)
            count += len(rows)
            if self._server.break_after_rows is not None and count >= self._server.break_after_rows:
                raise ConnectionError("broken off as asked")
            if self._server.fail_after_rows is not None and count >= self._server.fail_after_rows:
                raise _DeadlockError
        return count


def _duckdb_sql(text: str) -> list[str]:
    """The statements of T-SQL in DuckDB's SQL; @P1 becomes $P1."""

    def bound(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Parameter):
            return exp.Placeholder(this=node.name)
        # Lengths of texts and moments: DuckDB takes nvarchar(max) for a length, and datetime2(7) for nanoseconds.
        if isinstance(node, exp.DataType) and not node.is_type("decimal"):
            node.set("expressions", [])
        return node

    return [tree.transform(bound).sql(dialect="duckdb") for tree in sqlglot.parse(text, read="tsql") if tree]


def _tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS with a certificate of its own making."""
    pem, key_pem = self_signed(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # TLS 1.3 sends tickets after the handshake, where TDS 7.4 has no room for them.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pem, key_pem)
    return context, pem
