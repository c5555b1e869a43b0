"""How a source writes its values: ``config.meta.dialect`` of a system, overridden key by key by a table."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# An amount in each format, as people write it; ``plain`` has no mark between thousands.
NumberFormat = Literal["1,234.56", "1.234,56", "1 234,56", "1'234.56", "plain"]
DatedColumn = Literal[
    "birth_date",
    "encounter_date",
    "service_date",
    "visit_date",
    "paid_date",
    "post_date",
    "claim_date",
    "inserted_at",
    "modified_at",
]

# Letters of Java's DateTimeFormatter that macros/staging/dialect.sql understands.
_FORMAT_PART = re.compile(r"yyyy|yy|MMM|MM?|dd?|HH?|hh?|mm?|ss?|SSS|a|'[A-Za-z ]*'|[-/., :_]")
_NEEDED = {"a year (yyyy or yy)": "y", "a month (M, MM or MMM)": "M", "a day (d or dd)": "d"}


def _one_or_several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_text(value: object) -> object:
    """YAML reads 9999-12-31 as a date."""
    return value.isoformat() if isinstance(value, date) else value


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("is no date; write yyyy-MM-dd") from None


def _sentinel(value: str) -> str:
    return value if value == "0000-00-00" else _day(value)


def _format(value: str) -> str:
    parts = _FORMAT_PART.findall(value)
    if "".join(parts) != value:
        raise ValueError("holds what is no part of a date; use yyyy, yy, MM, M, MMM, dd, d, HH, H, hh, mm, ss, SSS, a")
    for name, letter in _NEEDED.items():
        if sum(part.startswith(letter) for part in parts) != 1:
            raise ValueError(f"needs {name}, once")
    return value


def _zone(value: str) -> str:
    try:
        # Abbreviations such as EST know no daylight saving time.
        if value != "UTC" and "/" not in value:
            raise ValueError
        ZoneInfo(value)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise ValueError("is no time zone; write its IANA name, as America/New_York, or UTC") from None
    return value


Text = Annotated[str, StringConstraints(min_length=1)]
Day = Annotated[str, BeforeValidator(_as_text), AfterValidator(_day)]
Sentinel = Annotated[str, BeforeValidator(_as_text), AfterValidator(_sentinel)]
Format = Annotated[str, AfterValidator(_format)]
Formats = Annotated[tuple[Format, ...], BeforeValidator(_one_or_several), Field(min_length=1)]
Zone = Annotated[str, AfterValidator(_zone)]
# Two keys that differ only so: two, one, or held back until somebody has said which.
Difference = Literal["hold", "fold", "exact"]
Words = Annotated[tuple[Text, ...], BeforeValidator(_one_or_several), Field(min_length=1)]


class KeysSpec(BaseModel):
    """How a source compares its keys; white space around one and the ``="..."`` of a spreadsheet are never part of it.

    Args:
        case: ``l-1`` and ``L-1``.
        leading_zeros: ``123``, ``00123`` and ``123.0``.
        spaces: ``A 1`` and ``A1``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: Difference | None = None
    leading_zeros: Difference | None = None
    spaces: Difference | None = None


class DateBounds(BaseModel):
    """The days that a date can be, counted from the day its row was loaded; a key that is None is as it was.

    Args:
        years_before: Completed years that it may lie before.
        days_after: Days that it may lie after.
        days_before_service: Days that a payment may lie before its service.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    years_before: Annotated[int | None, Field(ge=0, le=200)] = None
    days_after: Annotated[int | None, Field(ge=0)] = None
    days_before_service: Annotated[int | None, Field(ge=0)] = None


class DialectSpec(BaseModel):
    """How values are written; a key that is None is as ``vars.dialect`` of dbt_project.yml says.

    Args:
        null_words: Words that mean "no value".
        sentinel_dates: Dates that mean "no date", as yyyy-MM-dd.
        number_format: How amounts are written.
        date_format: Formats of dates; the first that fits reads the text.
        timestamp_format: Formats of moments.
        century_pivot: The last year of two digits that lies in this century: 68 is 2068, 69 is 1969.
        time_zone: IANA name of the zone that clocks without a zone show.
        keys: What makes two keys of one.
        words: The source's words of each column with a vocabulary: column, canonical word, its words.
        date_bounds: The days that each date can be.
        ledger_begins: First day of the hospital's ledger: no service, payment, posting, visit or claim lies before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    null_words: tuple[Text, ...] | None = None
    sentinel_dates: tuple[Sentinel, ...] | None = None
    number_format: NumberFormat | None = None
    date_format: Formats | None = None
    timestamp_format: Formats | None = None
    century_pivot: Annotated[int | None, Field(ge=0, le=99)] = None
    time_zone: Zone | None = None
    keys: KeysSpec | None = None
    words: dict[str, dict[str, Words]] | None = None
    date_bounds: dict[DatedColumn, DateBounds] | None = None
    ledger_begins: Day | None = None


def merged(usual: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """One dialect over another, key by key; of keys that hold keys, these one by one."""
    deeper = {
        key: merged(usual[key], value)
        for key, value in own.items()
        if isinstance(value, Mapping) and isinstance(usual.get(key), Mapping)
    }
    return {**usual, **{key: value for key, value in own.items() if value is not None}, **deeper}
