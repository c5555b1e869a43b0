"""The worker: JSON lines in on standard input, one answer a line out; ``python -m ingestion.bronze.border.worker``."""

import json
import os
import queue
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from traceback import extract_tb
from typing import Any, BinaryIO


def main() -> None:
    """Answer requests until standard input closes, which is also how the worker learns that its parent died."""
    # An interrupt reaches the whole process group; the parent decides what becomes of its worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    answers = _own_standard_output()
    forbid_network()
    warnings.simplefilter("ignore")
    answer = _answerer()
    while True:
        answers.write(json.dumps(answer(json.loads(requests.get()))).encode() + b"\n")
        answers.flush()


def forbid_network() -> None:
    """Make every attempt to reach a host an error, for good: nothing here has a reason to."""

    def refuse(event: str, _arguments: object) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
            raise PermissionError("the border check makes no network calls")

    sys.addaudithook(refuse)


def _read(requests: "queue.Queue[bytes]") -> None:
    for line in sys.stdin.buffer:
        requests.put(line)
    # The parent is gone or has closed the pipe: end at once, whatever is under way.
    os._exit(0)


def _own_standard_output() -> BinaryIO:
    """Keep standard output for answers: what a library prints goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _answerer() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Import Great Expectations, before there is anything to do; what answers requests."""
    try:
        from ingestion.bronze.border.validator import Validator

        validators: dict[str, Validator] = {}
    except Exception as error:  # noqa: BLE001 - the parent learns of any failure, by class and place only
        described = _described(error)
        return lambda _request: {"error": described}

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        try:
            folder = request["data_docs"]
            validator = validators.get(folder) or Validator(Path(folder), request["keep"])
            validators[folder] = validator
            if "build" in request:
                return {"index": str(validator.build_data_docs())}
            return validator.validate(
                request["table"], request["batch_id"], Path(request["part"]), request["expectations"]
            )
        except Exception as error:  # noqa: BLE001 - as above
            return {"error": _described(error)}

    return answer


def _described(error: Exception) -> str:
    place = extract_tb(error.__traceback__)[-1]
    missing = f" of {error.name}" if isinstance(error, ImportError) else ""
    own = f": {error}" if type(error).__name__ == "NotEvaluatedError" else ""
    return f"{type(error).__name__}{missing} at {Path(place.filename).name}:{place.lineno}{own}"


if __name__ == "__main__":
    main()
