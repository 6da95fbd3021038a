"""The interfaces of AV-Studio."""
