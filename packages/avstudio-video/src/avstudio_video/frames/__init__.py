"""Frames of a video: chosen, decoded and written as pictures."""
