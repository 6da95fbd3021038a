"""Stem separation: one interface, one module an engine."""
