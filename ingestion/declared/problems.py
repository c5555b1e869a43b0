"""Validation errors as lines for people: the key, what is wrong, what to do."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from pydantic import ValidationError


def listing(words: Sequence[str]) -> str:
    """Words in a list, as pydantic writes it: 'a', 'b' or 'c'."""
    quoted = [f"'{word}'" for word in words]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


def advice(name: str, known: Iterable[str]) -> str:
    """What somebody who wrote a name that is not known may have meant: the nearest one, else all of them."""
    folded = {entry.lower(): entry for entry in sorted(known)}
    near = get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[near[0]]}?" if near else f"there are {', '.join(folded.values()) or 'none'}"


def problem_lines(
    error: ValidationError, prefix: str, columns: object = None, *, missing: str = "add it"
) -> Iterator[str]:
    """One line per problem: the key, what is wrong, what to do. Pydantic's own text shows values.

    Args:
        error: What a model refuses.
        prefix: Put before each key.
        columns: Declared columns, so that a line names a column and not its position.
        missing: What to do about a key that is missing.
    """
    remedies = {
        "missing": f"is missing; {missing}",
        "extra_forbidden": "is no key of the control table; check its spelling",
        "string_type": "is not text; quote it",
        "bool_type": "is neither true nor false",
        "bool_parsing": "is neither true nor false",
        "tuple_type": "is not a list; write [Column]",
        "less_than_equal": "is more than 1; write a share, 0.2 for 20 %",
        "too_short": "is empty; name at least one",
        "model_type": "is missing or is not a mapping of keys; see docs/onboarding-a-hospital.md",
        "string_pattern_mismatch": "may hold only a-z, 0-9 and _, and starts with a letter; rename it",
    }
    for problem in error.errors(include_url=False, include_input=False):
        place = list(problem["loc"])
        if len(place) > 1 and place[0] == "columns" and isinstance(columns, list) and isinstance(place[1], int):
            declared = columns[place[1]]
            place[1] = declared.get("name", place[1]) if isinstance(declared, dict) else place[1]
        key = ".".join(str(part) for part in place)
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "literal_error":
            text = f"is none of {problem['ctx']['expected']}"
        elif problem["type"] != "value_error":
            text = remedies.get(problem["type"], text)
        for line in text.splitlines():
            yield f"{prefix}{key}: {line}" if key else line
