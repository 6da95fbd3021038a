"""Sound for AV-Studio."""
