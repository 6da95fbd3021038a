"""Subtitles: their files, and the cuts of a picture."""
