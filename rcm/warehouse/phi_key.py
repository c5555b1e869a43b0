"""The key of keyed hashes (HMAC-SHA256): RCM_PHI_KEY, or a key created once beside the warehouse."""

import contextlib
import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

from ingestion.base.errors import SpecError
from ingestion.base.settings import Settings

VARIABLE = "RCM_PHI_KEY"
SHORTEST = 32
_BLOCK = 64


def phi_key_pads(settings: Settings) -> tuple[bytes, bytes]:
    """The key as HMAC uses it, inner and outer: ``sha256(outer + sha256(inner + message))``.

    Raises:
        SpecError: The key is too short to withstand guessing.
        SecretError: RCM_PHI_KEY refers to a secret that cannot be had.
    """
    key = _key(settings)
    block = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def key_fingerprint(settings: Settings) -> str:
    """A text that tells whether the key is another one, and nothing of the key.

    Raises:
        SpecError: The key is too short to withstand guessing.
        SecretError: RCM_PHI_KEY refers to a secret that cannot be had.
    """
    inner, outer = phi_key_pads(settings)
    return sha256(outer + sha256(inner + b"fingerprint").digest()).hexdigest()


def _key(settings: Settings) -> bytes:
    key = settings.resolve(VARIABLE)
    if key is None:
        kept = settings.warehouse.with_name("phi.key")
        key = _kept(kept)
        if len(key) < SHORTEST:
            raise SpecError([f"{kept}: holds no key; restore it, or delete it and run rcm replay"])
    if len(key) < SHORTEST:
        raise SpecError([f"environment: {VARIABLE} is shorter than {SHORTEST} characters; a short key can be guessed"])
    return key.encode()


def _kept(path: Path) -> str:
    """The key in the file, which the first caller creates atomically, even if two call at once."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8").strip()
    # Such a file is its owner's from its first byte on.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".phi-", encoding="utf-8") as made:
        made.write(f"{secrets.token_hex(32)}\n")
        made.flush()
        os.fsync(made.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(made.name)
    return path.read_text(encoding="utf-8").strip()
