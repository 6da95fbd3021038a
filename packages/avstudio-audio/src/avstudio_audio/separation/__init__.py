"""Stem separation: one interface, and one module for each engine."""
