"""Subtitles and transcripts as text with times: parsing, splitting into parts, and breaking into lines."""
