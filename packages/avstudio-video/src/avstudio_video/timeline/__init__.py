"""Edited videos: the parts of a video that are kept, and where they go."""
