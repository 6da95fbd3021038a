"""Scenes of a video: scores of frames, and the rules that find cuts in them."""
