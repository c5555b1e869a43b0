"""Holds what one engine built of a lakehouse against what another built of it."""
