"""What a client asks of a TDS server: logins, batches and remote procedure calls."""

import struct
from dataclasses import dataclass

_PROCEDURES = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
_LONG = 0xFFFF


@dataclass(frozen=True)
class Login:
    """User, password and database of LOGIN7."""

    user: str
    password: str
    database: str


@dataclass(frozen=True)
class Call:
    """A remote procedure call, its parameters in order."""

    procedure: str
    parameters: tuple[object, ...]


def encryption_asked(prelogin: bytes) -> int:
    """The client's ENCRYPTION option: 0 for the login only, 1 for all."""
    place = 0
    while prelogin[place] != 0xFF:
        option, offset, _ = struct.unpack_from(">BHH", prelogin, place)
        if option == 1:
            return int(prelogin[offset])
        place += 5
    return 2


def prelogin_answer(encryption: int) -> bytes:
    """VERSION, ENCRYPTION and MARS off."""
    options = ((0, bytes((16, 0, 0x10, 0, 0, 0))), (1, bytes((encryption,))), (4, b"\0"))
    offset = 5 * len(options) + 1
    table, values = b"", b""
    for option, value in options:
        table += struct.pack(">BHH", option, offset + len(values), len(value))
        values += value
    return table + b"\xff" + values


def parse_login(content: bytes) -> Login:
    """The fields of a LOGIN7 message; its password is scrambled, not encrypted."""

    def field(place: int) -> bytes:
        offset, characters = struct.unpack_from("<HH", content, place)
        return content[offset : offset + 2 * characters]

    plain = bytes((((byte ^ 0xA5) << 4) | ((byte ^ 0xA5) >> 4)) & 0xFF for byte in field(44))
    return Login(field(40).decode("utf-16-le"), plain.decode("utf-16-le"), field(68).decode("utf-16-le"))


def parse_batch(content: bytes) -> str:
    """The text of an SQL batch."""
    return content[struct.unpack_from("<I", content)[0] :].decode("utf-16-le")


def parse_call(content: bytes) -> Call:
    """A remote procedure call."""
    reader = _Reader(content, struct.unpack_from("<I", content)[0])
    length = reader.number(2)
    if length == _LONG:
        number = reader.number(2)
        procedure = _PROCEDURES.get(number, f"procedure {number}")
    else:
        procedure = reader.take(2 * length).decode("utf-16-le")
    reader.number(2)
    parameters = []
    while not reader.is_at_end:
        reader.take(2 * reader.number(1) + 1)
        parameters.append(reader.value())
    return Call(procedure, tuple(parameters))


class _Reader:
    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self._place = place

    @property
    def is_at_end(self) -> bool:
        return self._place >= len(self._content)

    def take(self, count: int) -> bytes:
        self._place += count
        return self._content[self._place - count : self._place]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def value(self) -> object:
        kind = self.number(1)
        if kind == 0x26:
            self.number(1)
            encoded = self.take(self.number(1))
            return int.from_bytes(encoded, "little", signed=True) if encoded else None
        if kind in (0xE7, 0xA7):
            longest = self.number(2)
            self.take(5)
            encoded_text = self._long() if longest == _LONG else self._short()
            return None if encoded_text is None else encoded_text.decode("utf-16-le" if kind == 0xE7 else "utf-8")
        raise NotImplementedError(f"parameters of type 0x{kind:02x}")

    def _short(self) -> bytes | None:
        length = self.number(2)
        return None if length == _LONG else self.take(length)

    def _long(self) -> bytes | None:
        if self.number(8) == 2**64 - 1:
            return None
        content = b""
        while chunk := self.number(4):
            content += self.take(chunk)
        return content
