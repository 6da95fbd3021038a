"""Events in a video: black and frozen pictures, and black bars."""
