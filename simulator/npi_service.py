"""NPPES 2.1 over the simulated registry: searches, pages, and errors as its read API gives them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

DEFAULT_LIMIT, LARGEST_LIMIT, LARGEST_SKIP = 10, 200, 1000
_NAME_CRITERIA = ("first_name", "last_name", "taxonomy_description")


class NpiService:
    """Answers searches over registry entries as ``registry_data.npi_entries`` makes them."""

    def __init__(self, entries: Mapping[str, Mapping[str, str]]) -> None:
        self._entries = entries

    def search(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The body for one query; errors come as ``Errors`` in a body like any other."""
        problem = self._problem(query)
        if problem is not None:
            field, number, description = problem
            return {"Errors": [{"description": description, "field": field, "number": number}]}
        limit = min(max(int(query.get("limit", DEFAULT_LIMIT)), 1), LARGEST_LIMIT)
        skip = int(query.get("skip", 0))
        found = [entry for npi, entry in self._entries.items() if self._matches(npi, entry, query)]
        page = [_result(entry) for entry in found[skip : skip + limit]]
        return {"result_count": len(page), "results": page}

    @staticmethod
    def _problem(query: Mapping[str, str]) -> tuple[str, str, str] | None:
        if query.get("version") != "2.1":
            return "version", "13", "Unsupported Version"
        for name in ("limit", "skip"):
            if not query.get(name, "0").isdecimal():
                return name, "05", f"{name} must be a number"
        if int(query.get("skip", 0)) > LARGEST_SKIP:
            return "skip", "15", f"skip must not exceed {LARGEST_SKIP}"
        if "number" in query and not re.fullmatch("[0-9]{10}", query["number"]):
            return "number", "06", "NPI must be 10 digits"
        if query.get("enumeration_type", "NPI-1") not in ("NPI-1", "NPI-2"):
            return "enumeration_type", "14", "enumeration_type must be NPI-1 or NPI-2"
        # Only a state or an enumeration type is too wide.
        if not any(query.get(name) for name in ("number", *_NAME_CRITERIA)):
            return "", "04", "No valid search criteria"
        return None

    @staticmethod
    def _matches(npi: str, entry: Mapping[str, str], query: Mapping[str, str]) -> bool:
        if query.get("number", npi) != npi or query.get("enumeration_type", "NPI-1") != "NPI-1":
            return False
        if query.get("state", entry["state"]).upper() != entry["state"]:
            return False
        return all(_like(entry[name], query[name]) for name in _NAME_CRITERIA if name in query)


def _like(value: str, wanted: str) -> bool:
    value, wanted = value.upper(), wanted.upper()
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted


def _epoch(day: str) -> str:
    return str(int(dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC).timestamp()) * 1000)


def _result(entry: Mapping[str, str]) -> dict[str, Any]:
    address = {
        "country_code": "US",
        "country_name": "United States",
        "address_type": "DOM",
        "address_1": "1 HOSPITAL WAY",
        "city": "SPRINGFIELD",
        "state": entry["state"],
        "postal_code": "400010001",
        "telephone_number": "502-555-0100",
    }
    return {
        "created_epoch": _epoch(entry["enumeration_day"]),
        "enumeration_type": "NPI-1",
        "last_updated_epoch": _epoch(entry["updated_day"]),
        "number": entry["number"],
        "addresses": [{**address, "address_purpose": purpose} for purpose in ("MAILING", "LOCATION")],
        "practiceLocations": [],
        "basic": {
            "first_name": entry["first_name"],
            "last_name": entry["last_name"],
            "credential": entry["credential"],
            "sole_proprietor": "NO",
            "enumeration_date": entry["enumeration_day"],
            "last_updated": entry["updated_day"],
            "certification_date": entry["updated_day"],
            "status": "A",
        },
        "taxonomies": [
            {
                "code": entry["taxonomy_code"],
                "taxonomy_group": "",
                "desc": entry["taxonomy_description"],
                "state": entry["state"],
                "license": "",
                "primary": True,
            }
        ],
        "identifiers": [],
        "endpoints": [],
        "other_names": [],
    }
