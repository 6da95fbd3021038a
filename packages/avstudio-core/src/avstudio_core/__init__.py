"""The core of AV-Studio."""
