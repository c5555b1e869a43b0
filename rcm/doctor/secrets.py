"""Can every secret that the settings name be had, and where from."""

from collections.abc import Iterator, Sequence

from ingestion.base.findings import Finding, ok
from ingestion.base.secret_store import reveal
from ingestion.base.secret_store.quoting import REFERENCE
from ingestion.base.secret_store.secrets import VARIABLE
from ingestion.base.secret_store.stores import open_store
from rcm.doctor.check import Situation

_SCHEME = "secret://"


def named(situation: Situation) -> Sequence[str]:
    """Names of the secrets that a variable or the control table refers to."""
    texts = [text for name, text in situation.environment.items() if _SCHEME in text and name != VARIABLE]
    texts += [system.connection.default or "" for system in situation.control.systems]
    return sorted({found[1] for text in texts for found in REFERENCE.finditer(text)})


def secret(situation: Situation, name: str) -> Iterator[Finding]:
    """One secret, asked for as a load would and not shown."""
    if not name:
        yield ok("no setting names a secret")
        return
    reveal(f"{_SCHEME}{name}", situation.environment)
    yield ok(f"is in {_store(situation, name)}")


def _store(situation: Situation, name: str) -> str:
    place = situation.environment.get(VARIABLE) or "env"
    # Only what names a store is shown: a secret may have been put there by mistake.
    if place != "env" and open_store(place) is not None:
        return place
    return f"the environment, as RCM_SECRET_{name.upper().replace('-', '_')}"
