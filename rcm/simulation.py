"""Simulated answers of the NPI and ICD services, for sources that the simulator made."""

import contextlib
import json
from collections.abc import Iterator, Sequence

from ingestion.base.errors import SpecError
from ingestion.base.settings import Settings
from ingestion.declared.specs import SystemSpec

# The control table whose hospitals the simulator makes.
CONTROL_TABLE = "models/bronze"
# Variables with the addresses of the services that the simulator answers for.
SERVICES = ("RCM_NPI_URL", "RCM_ICD_URL")


def answers_are_simulated(settings: Settings, systems: Sequence[SystemSpec]) -> bool:
    """Whether the simulator answers for the NPI and ICD services.

    RCM_SIMULATED_APIS decides. Without it, answers are simulated only in a sandbox: the lakehouse holds a simulation of
    this control table, its hospitals are read from there, and no address of a service is set.

    Raises:
        SpecError: The setting is neither true nor false, or there is no simulation that could answer.
    """
    wanted = settings.variables.simulated_apis
    if wanted is False:
        return False
    registry = settings.sources / "registry.json"
    if wanted:
        if not registry.is_file():
            raise SpecError([f"RCM_SIMULATED_APIS is true, but {registry} is missing; run rcm simulate, or unset it"])
        return True
    simulation = settings.sources / "simulation.json"
    if not (simulation.is_file() and registry.is_file()) or settings.control_table != CONTROL_TABLE:
        return False
    try:
        simulated = json.loads(simulation.read_text(encoding="utf-8"))["rows"]
    except (ValueError, KeyError):
        raise SpecError([f"{simulation}: cannot be read; run rcm simulate again, or remove it"]) from None
    # A hospital that is left out has an address, too.
    addresses = {name: f"RCM_{name.upper()}_URL" for name in simulated}
    addresses |= {system.name: system.connection.env for system in systems if system.name in simulated}
    return not any(map(settings.resolve, [*addresses.values(), *SERVICES]))


@contextlib.contextmanager
def simulated_apis(settings: Settings, systems: Sequence[SystemSpec]) -> Iterator[Settings]:
    """Settings that reach the services: a stub on this machine where their answers are simulated.

    The real registry does not know simulated providers, and a simulation needs neither account nor network.
    """
    if not answers_are_simulated(settings, systems):
        yield settings
        return
    from simulator.api_stub import serve

    with serve(settings.sources) as stub:
        yield settings.with_values(
            {
                "RCM_NPI_URL": stub.npi_url,
                "RCM_ICD_URL": stub.icd_url,
                "RCM_ICD_TOKEN_URL": stub.icd_token_url,
                # The stub gives a token to anyone.
                "RCM_ICD_CLIENT_ID": "demo",
                "RCM_ICD_CLIENT_SECRET": "demo",  # pragma: allowlist secret
            }
        )
