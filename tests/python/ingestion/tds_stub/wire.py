"""Packets of MS-TDS on a socket, in the clear or inside TLS."""

import socket
import ssl
import struct
from enum import IntEnum

PACKET_BYTES = 4096
_END_OF_MESSAGE = 0x01


class Kind(IntEnum):
    """Types of messages."""

    BATCH = 0x01
    RPC = 0x03
    ANSWER = 0x04
    ATTENTION = 0x06
    TRANSACTION = 0x0E
    LOGIN7 = 0x10
    PRELOGIN = 0x12


class Wire:
    """One connection; messages are read and written whole."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    def read(self) -> tuple[int, bytes]:
        """Type and content of the next message; ConnectionError at the end of the stream."""
        content = b""
        while True:
            kind, status, length = struct.unpack(">BBH4x", self._read_bytes(8))
            content += self._read_bytes(length - 8)
            if status & _END_OF_MESSAGE:
                return kind, content

    def write(self, kind: Kind, content: bytes, *, last: bool = True) -> None:
        """Send content in packets; without ``last`` the message goes on."""
        size = PACKET_BYTES - 8
        for number, start in enumerate(range(0, max(len(content), 1), size), 1):
            part = content[start : start + size]
            ends = last and start + size >= len(content)
            header = struct.pack(">BBHHBB", kind, _END_OF_MESSAGE if ends else 0, len(part) + 8, 0, number % 256, 0)
            self._write_bytes(header + part)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Handshake inside PRELOGIN packets, as TDS before version 8 has it; what follows is plain TLS."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                is_done = True
            except ssl.SSLWantReadError:
                is_done = False
            if self._outgoing.pending:
                self.write(Kind.PRELOGIN, self._outgoing.read())
            if is_done:
                self._tls = tls
                return
            self._incoming.write(self.read()[1])

    def _read_bytes(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            content += self._read_some(count - len(content))
        return content

    def _read_some(self, count: int) -> bytes:
        while self._tls is not None:
            try:
                return self._tls.read(count)
            except ssl.SSLWantReadError:
                self._incoming.write(self._received(65_536))
        return self._received(count)

    def _received(self, count: int) -> bytes:
        received = self._socket.recv(count)
        if not received:
            raise ConnectionError("the client hung up")
        return received

    def _write_bytes(self, content: bytes) -> None:
        if self._tls is not None:
            self._tls.write(content)
            content = self._outgoing.read()
        self._socket.sendall(content)
