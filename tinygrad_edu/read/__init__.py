"""Readings of a recorded graph."""
