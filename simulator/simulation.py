"""Simulate a hospital group's source systems up to a day.

``simulate`` writes, below the lakehouse folder:

- ``sources/hospital_a.db`` and ``sources/hospital_b.db``: SQLite databases with patients, providers, departments,
  encounters, transactions and adjustments;
- ``landing/claims/*.csv`` and ``landing/cpt/procedures_2024.csv``: files are delivered once; a file that ingestion
  has moved away is not delivered again;
- ``sources/registry.json``: what the API stub serves;
- ``sources/answer_key.json``: what must be found (see ``answer_key``);
- ``sources/simulation.json``: the parameters and the day reached, written last.

The world is a pure function of the seed and the visible state a function of the day. Databases are written to new files
and renamed into place, so a kill leaves each of them old or new. Going from day 0 to day 3 in one step or in three
gives identical databases, and a killed run can be repeated. Nothing reads the clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.answer_key import answer_key
from simulator.claims import claim_files
from simulator.defects import Planted
from simulator.directory import planted_procedures
from simulator.parameters import HOSPITALS, NEVER
from simulator.registry_data import icd_nodes, npi_entries
from simulator.sources import Setting, database_tables, file_content, setting
from simulator.writers import write_csv, write_database, write_json

FEWEST_PATIENTS = 100  # below, planted defects would leave too few clean rows
RESEND_DAY = 2  # a claim file of the history is sent once more under another name
RESENT = ("claims/hospital_a_claims_2024-12.csv", "claims/hospital_a_claims_2024-12_resend.csv")
_VERSION = 1  # of the simulated world; another version draws other numbers


class SimulationError(Exception):
    """The request does not fit the existing simulation, or is invalid; the message says what to do."""


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation holds.

    Attributes:
        lakehouse: the lakehouse folder.
        patients: patients per hospital on day 0.
        seed: seed of the world.
        day: day reached.
        remittance: whether the adjustments feed is on.
        changed: whether this call wrote anything.
        rows: rows by system and table as the databases show them, planted defects included.
        files: files delivered by this call, relative to the landing folder.
    """

    lakehouse: Path
    patients: int
    seed: int
    day: int
    remittance: bool
    changed: bool
    rows: Mapping[str, Mapping[str, int]]
    files: tuple[str, ...]


def simulate(
    lakehouse: Path,
    *,
    patients: int = 2000,
    seed: int = 42,
    day: int = 0,
    remittance: bool = False,
    progress: Callable[[str], None] | None = None,
) -> SimulationSummary:
    """Create the simulated sources, or advance them to ``day``.

    Args:
        lakehouse: folder that holds ``sources`` and ``landing``; created if missing.
        patients: patients per hospital on day 0, at least 100; each makes about 4 charges.
        seed: seed of the world, 0 or more.
        day: days after 2024-12-31.
        remittance: fill the adjustments tables, and let payments be what such a feed says.
        progress: called with a short text before each longer step.

    Returns:
        The summary; equal arguments on an existing simulation change nothing and return the same rows.

    Raises:
        SimulationError: other parameters than those of the existing simulation, an earlier day, or invalid values.
    """
    sources, landing = lakehouse / "sources", lakehouse / "landing"
    asked = {"version": _VERSION, "patients": patients, "seed": seed, "remittance": remittance}
    state = _existing(sources / "simulation.json")
    reached = _check(asked, day, state, sources)
    if state is not None and reached == day and _is_complete(sources, state):
        return SimulationSummary(lakehouse, patients, seed, day, remittance, False, state["rows"], ())

    report = progress or (lambda _text: None)
    sources.mkdir(parents=True, exist_ok=True)
    hospitals: list[tuple[Setting, Mapping[str, Planted]]] = []
    rows: dict[str, dict[str, int]] = {}
    files: list[str] = []
    for habits in HOSPITALS:
        report(f"{habits.system}: drawing the world up to day {day}")
        world = setting(habits, seed, patients, day, remittance=remittance)
        report(f"{habits.system}: delivering claim files")
        files += _deliver_claims(world, landing, reached, day)
        planted = database_tables(world, day)
        hospitals.append((world, planted))
        tables = {name: content.table for name, content in planted.items()}
        rows[habits.system] = {name: table.num_rows for name, table in tables.items()}
        report(f"{habits.system}: writing the database")
        write_database(sources / f"{habits.system}.db", tables)
    if reached < 0:
        write_csv(landing / "cpt/procedures_2024.csv", planted_procedures().table)
        files.append("cpt/procedures_2024.csv")

    report("writing the registry data and the answer key")
    npis, icd = npi_entries([world.hospital for world, _planted in hospitals]), icd_nodes()
    write_json(sources / "registry.json", {"npi": npis, "icd": icd})
    key = answer_key({**asked, "day": day}, hospitals, day, icd, len(npis))
    key["resent_files"] = [{"file": RESENT[0], "as": RESENT[1]}] if day >= RESEND_DAY else []
    write_json(sources / "answer_key.json", key)
    write_json(sources / "simulation.json", {**asked, "day": day, "rows": rows})
    return SimulationSummary(lakehouse, patients, seed, day, remittance, True, rows, tuple(files))


def _existing(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    # Simulations of earlier releases say nothing about the feed, which they do not have.
    state: dict[str, Any] = {"remittance": False} | json.loads(path.read_text(encoding="utf-8"))
    return state


def _check(asked: Mapping[str, int], day: int, state: Mapping[str, Any] | None, sources: Path) -> int:
    """The day the simulation has reached, -1 if there is none."""
    if asked["patients"] < FEWEST_PATIENTS:
        raise SimulationError(
            f"patients={asked['patients']} is too few: ask for {FEWEST_PATIENTS} or more per hospital."
        )
    if asked["seed"] < 0 or not 0 <= day < NEVER // 1000:
        raise SimulationError(
            f"seed={asked['seed']}, day={day}: the seed is 0 or more, the day 0 to {NEVER // 1000 - 1}."
        )
    if state is None:
        return -1
    differing = [f"{name}={state[name]} (not {value})" for name, value in asked.items() if state[name] != value]
    if differing:
        raise SimulationError(
            f"{sources} holds a simulation with {', '.join(differing)}: "
            "repeat with those values or use another lakehouse."
        )
    if day < state["day"]:
        raise SimulationError(
            f"{sources} has reached day {state['day']} and cannot go back to day {day}: use another lakehouse."
        )
    reached: int = state["day"]
    return reached


def _is_complete(sources: Path, state: Mapping[str, Any]) -> bool:
    """Whether nothing is missing: a file, or a table that simulations of earlier releases do not have."""
    names = [*(f"{habits.system}.db" for habits in HOSPITALS), "registry.json", "answer_key.json"]
    return all((sources / name).exists() for name in names) and all("adjustments" in r for r in state["rows"].values())


def _deliver_claims(setting: Setting, landing: Path, reached: int, day: int) -> list[str]:
    """Write the claim files that land after day ``reached`` and up to ``day``; their names."""
    names = []
    for file in claim_files(setting.hospital, day):
        content = None
        if reached < file.lands_on <= day:
            content = file_content(setting, file).table
            write_csv(landing / file.name, content)
            names.append(file.name)
        if file.name == RESENT[0] and reached < RESEND_DAY <= day:
            write_csv(landing / RESENT[1], file_content(setting, file).table if content is None else content)
            names.append(RESENT[1])
    return names
