"""Loads of a run: planned, executed, retried from rejects, logged and reported."""
