"""Scenes in the formats of editors and players."""
