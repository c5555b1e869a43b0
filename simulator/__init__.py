"""A coherent synthetic hospital group: source databases, claim files, an API stub, planted defects, an answer key."""

from simulator.simulation import SimulationError, SimulationSummary, simulate

__all__ = ["SimulationError", "SimulationSummary", "simulate"]
