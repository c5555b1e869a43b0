"""Reveals references to secrets, each requested once, and masks what was revealed."""

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from urllib.parse import quote, quote_plus

from ingestion.base.errors import SecretError
from ingestion.base.secret_store.quoting import REFERENCE, quoted
from ingestion.base.secret_store.stores import Answer, EnvironmentStore, SecretStore, open_store

VARIABLE = "RCM_SECRETS"
MASK = "***"
# More than any store's own retries take; a server may ask for an unlimited wait.
DEADLINE_SECONDS = 60.0
# Tables that share a broken connection request once; a later run of the same process requests again.
FAILURE_KEPT_SECONDS = 60.0

# A prefix without a name, or with one that goes on with an underscore, would leave half a reference in the setting.
_MALFORMED = re.compile(r"secret://(?:(?![A-Za-z0-9])|[A-Za-z0-9-]+_)")


@dataclass(frozen=True)
class _Kept:
    answer: Answer
    until: float


class Secrets:
    """Secrets of one process; safe to share between threads.

    Args:
        opened: The store that a value of RCM_SECRETS names, None where it names none.
    """

    def __init__(self, opened: Callable[[str], SecretStore | None] = open_store) -> None:
        self._opened = opened
        self._stores: dict[str, SecretStore] = {}
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._asking: defaultdict[tuple[str, str], Lock] = defaultdict(Lock)
        self._lock = Lock()
        self._forms: set[str] = set()
        self._hidden: re.Pattern[str] | None = None

    def reveal(self, text: str, values: Mapping[str, str]) -> str:
        """A setting with every ``secret://NAME`` replaced by the secret, quoted as its place in the text needs it.

        Args:
            text: A configuration value; without a reference it comes back as it is.
            values: Environment variables by name; RCM_SECRETS chooses the store.

        Raises:
            SecretError: The store does not have it, or cannot be asked; names both.
        """
        environment, place = EnvironmentStore(values), values.get(VARIABLE) or "env"
        # A traceback may show local variables: nothing below has one that holds a value.
        del values
        if _MALFORMED.search(text):
            raise SecretError("a secret:// has no name of letters, digits and hyphens; correct the setting")
        return REFERENCE.sub(
            lambda reference: quoted(self._value(reference[1], place, environment), text, *reference.span()), text
        )

    def masked(self, text: str) -> str:
        """A text with every secret revealed so far, in any form it may have been written in, replaced by ``***``."""
        pattern = self._hidden
        return pattern.sub(MASK, text) if pattern else text

    def _value(self, name: str, place: str, environment: EnvironmentStore) -> str:
        answer = environment.read(name) if place == "env" else self._stored(name, place)
        if answer.value is None:
            raise SecretError(f"secret://{name} {answer.problem}")
        self._hide(answer.value)
        return answer.value

    def _stored(self, name: str, place: str) -> Answer:
        """A vault's answer, asked for once even by several threads."""
        key = (place, name)
        with self._lock:
            asking = self._asking[key]
        with asking:
            kept = self._kept.get(key)
            if kept is None or kept.until < time.monotonic():
                answer = _ask(self._store(place), place, name)
                until = time.monotonic() + FAILURE_KEPT_SECONDS if answer.value is None else float("inf")
                kept = self._kept[key] = _Kept(answer, until)
        return kept.answer

    def _store(self, place: str) -> SecretStore:
        with self._lock:
            store = self._stores.get(place) or self._opened(place)
            if store is None:
                # Its text is not shown: a secret may have been put there by mistake.
                raise SecretError(
                    f"{VARIABLE} names no store of secrets; set it to env, https://NAME.vault.azure.net "
                    "or databricks://SCOPE"
                )
            self._stores[place] = store
            return store

    def _hide(self, value: str) -> None:
        with self._lock:
            if value in self._forms:
                return
            self._forms |= _written_forms(value)
            # The longest first: a secret may begin with another.
            self._hidden = re.compile("|".join(map(re.escape, sorted(self._forms, key=len, reverse=True))))


def _ask(store: SecretStore, place: str, name: str) -> Answer:
    """A store's answer within the deadline; whatever it raises stays in its thread, with all its frames hold."""
    answers: SimpleQueue[Answer] = SimpleQueue()

    def read() -> None:
        try:
            answers.put(store.read(name))
        except Exception as error:  # noqa: BLE001 - its text may hold what the server sent
            answers.put(Answer(problem=f"cannot be read from {place} ({type(error).__name__}); check {VARIABLE}"))

    Thread(target=read, name="secret", daemon=True).start()
    try:
        return answers.get(timeout=DEADLINE_SECONDS)
    except Empty:
        return Answer(problem=f"got no answer from {place} in {DEADLINE_SECONDS:.0f} seconds; run again later")


def _written_forms(value: str) -> set[str]:
    """A secret as URLs, ODBC strings, JSON and Python's messages write it."""
    return {
        value,
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        value.replace("}", "}}"),
        json.dumps(value)[1:-1],
        repr(value)[1:-1],
    }
