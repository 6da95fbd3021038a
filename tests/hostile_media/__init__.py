"""Hostile media by HTTP: mutants, bombs, and files that refer to others. `python -m tests.hostile_media` is the whole."""
